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
            return new PhoneResult(input, null, null, false, false, PhoneKind.Unknown, text.Extension, reason);
        var region = number.Region;
        return new PhoneResult(
            input, number.E164, region.Name, true, number.IsValid(region), number.Kind(region), text.Extension, PhoneReason.None);
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
}
