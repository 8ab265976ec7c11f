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
        var number = default(NationalNumber);
        var reason = text.Reason is PhoneReason.None
            ? PhoneRules.Resolve(text.Digits, text.IsInternational, PhoneRegions.Find(defaultRegion), out number)
            : text.Reason;
        if (reason is not PhoneReason.None)
        {
            var isPlaceholder = IsPlaceholder(text.IsInternational ? "+" + text.Digits : text.Digits);
            return new PhoneResult(input, null, null, false, false, PhoneKind.Unknown, isPlaceholder, text.Extension, reason);
        }

        var region = number.Region;
        var e164 = number.E164;
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
        Span<char> number = stackalloc char[PlainNumber.MostCharacters];
        var length = PlainNumber.Read(input, defaultRegion, number);
        if (length > 0)
            return input.AsSpan().SequenceEqual(number[..length]) ? input : new string(number[..length]);
        var text = PhoneText.Read(input);
        return text.Reason is PhoneReason.None
            && PhoneRules.Resolve(text.Digits, text.IsInternational, PhoneRegions.Find(defaultRegion), out var found) is PhoneReason.None
                ? found.E164
                : null;
    }

    /// <summary>
    /// Whether a number is one that is written where there is none, as the SQL function <c>linkage.is_placeholder_phone</c> tells: all
    /// digits of its national number are equal, or North America can't assign it (555-0100 to 555-0199 with any area code,
    /// 0123456789, 1234567890, 9876543210).
    /// </summary>
    /// <param name="number">A number in E.164 form, or digits that have none. Of anything else it is false.</param>
    /// <returns>True of a placeholder; false of any other text, and of null.</returns>
    public static bool IsPlaceholder(string? number) => PlaceholderNumber.Is(number);
}
