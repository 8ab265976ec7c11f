namespace Linkage.Engine.Phones;

/// <summary>
/// Reads phone numbers as people write them. The SQL function <c>normalize_phone</c> gives the same E.164 form for every text.
/// </summary>
/// <remarks>
/// It follows <c>parse</c> and <c>isPossibleNumber</c> of google/libphonenumber, whose facts it uses; <c>docs/phones.md</c> lists the
/// differences. All members are safe to call from several threads.
/// </remarks>
public static class PhoneNumber
{
    /// <summary>The region that is meant where none is named.</summary>
    public const string DefaultRegion = "US";

    /// <summary>Tells everything about the number in a text.</summary>
    /// <param name="input">Any text. Nothing in it is an error: the result says what is wrong.</param>
    /// <param name="defaultRegion">
    /// Two letters, in any case, of the region whose national form the text may have. If it is unknown, only numbers with <c>+</c> are
    /// found.
    /// </param>
    /// <returns>One result, also for null.</returns>
    public static PhoneResult Parse(string? input, string? defaultRegion = DefaultRegion)
    {
        var text = PhoneText.Read(input);
        scoped var number = default(NationalNumber);
        Span<char> room = stackalloc char[PhoneRules.Room];
        var reason = text.Reason is PhoneReason.None
            ? PhoneRules.Resolve(text.Digits, text.IsInternational, PhoneRegions.Find(defaultRegion), room, out number)
            : text.Reason;
        if (reason is not PhoneReason.None)
        {
            var isPlaceholder = IsPlaceholder(text.IsInternational ? "+" + text.Digits : text.Digits);
            return new PhoneResult(input, null, null, false, false, PhoneKind.Unknown, isPlaceholder, text.Extension, reason);
        }

        var region = number.Region;
        var e164 = string.Concat("+", number.CallingCode, number.Digits);
        return new PhoneResult(
            input, e164, region.Name, true, number.IsValid(region), number.Kind(region), IsPlaceholder(e164), text.Extension,
            PhoneReason.None);
    }

    /// <summary>The E.164 form of the number in a text, as the SQL function <c>normalize_phone</c> gives it.</summary>
    /// <param name="input">Any text.</param>
    /// <param name="defaultRegion">As for <see cref="Parse"/>.</param>
    /// <returns>The form, <paramref name="input"/> itself if it is one already, or null if the number is not possible.</returns>
    public static string? Normalize(string? input, string? defaultRegion = DefaultRegion)
    {
        if (input is null)
            return null;
        Span<char> room = stackalloc char[PlainText.Longest];
        var count = PlainText.Read(input, room, out var isInternational);
        if (count >= 0)
            return Normalize(input, room[..count], isInternational, defaultRegion);
        var text = PhoneText.Read(input);
        return text.Reason is PhoneReason.None ? Normalize(input, text.Digits, text.IsInternational, defaultRegion) : null;
    }

    /// <summary>
    /// Whether a number is one that is written where there is none, as the SQL function <c>linkage.is_placeholder_phone</c> tells: all
    /// digits of its national number are equal, or North America can't assign it (555-0100 to 555-0199 with any area code,
    /// 0123456789, 1234567890, 9876543210).
    /// </summary>
    /// <param name="number">A number in E.164 form, or digits that have none. Of anything else it is false.</param>
    /// <returns>True of a placeholder; false of any other text, and of null.</returns>
    public static bool IsPlaceholder(string? number) => PlaceholderNumber.Is(number);

    /// <summary>The second and the third part of the SQL function.</summary>
    private static string? Normalize(string input, ReadOnlySpan<char> digits, bool isInternational, string? defaultRegion)
    {
        if (isInternational)
        {
            if (CallingCodeTable.IsPlain(digits))
                return Write(input, "", digits);
        }
        else if (defaultRegion is "US")
        {
            if (digits.Length == 10 && digits[0] >= '2')
                return Write(input, "1", digits);
            if (digits.Length == 11 && digits[0] == '1' && digits[1] >= '2')
                return Write(input, "", digits);
        }
        return ByRules(input, digits, isInternational, defaultRegion);
    }

    // On its own, so that only it pays for the room.
    private static string? ByRules(string input, ReadOnlySpan<char> digits, bool isInternational, string? defaultRegion)
    {
        Span<char> room = stackalloc char[PhoneRules.Room];
        return PhoneRules.Resolve(digits, isInternational, PhoneRegions.Find(defaultRegion), room, out var number) is PhoneReason.None
            ? Write(input, number.CallingCode, number.Digits)
            : null;
    }

    /// <summary>The E.164 form of these digits: the input itself if that is what it is.</summary>
    private static string Write(string input, ReadOnlySpan<char> callingCode, ReadOnlySpan<char> digits)
    {
        var own = input.AsSpan();
        return own.StartsWith("+") && own[1..].StartsWith(callingCode) && own[(1 + callingCode.Length)..].SequenceEqual(digits)
            ? input
            : string.Concat("+", callingCode, digits);
    }
}
