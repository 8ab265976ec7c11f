namespace Linkage.Engine.Phones;

/// <summary>
/// The rules of numbering plans: which digits are the calling code, and which the national number. The third part of the SQL function
/// <c>normalize_phone</c>, step by step.
/// </summary>
internal static class PhoneRules
{
    /// <summary>Enough for any number of prefixes in a row; a bound, so that no table can make it endless.</summary>
    private const int MostPrefixes = 20;

    /// <summary>Applies the rules.</summary>
    /// <param name="digits">Digits as they are dialled.</param>
    /// <param name="isInternational">Whether <c>+</c> preceded them.</param>
    /// <param name="defaultRegion">The region whose national form the digits may have; null if unknown.</param>
    /// <param name="number">The possible number, if the reason is None.</param>
    /// <returns>None, or why there is no possible number.</returns>
    public static PhoneReason Resolve(string digits, bool isInternational, PhoneRegion? defaultRegion, out NationalNumber number)
    {
        number = default;
        var national = digits;
        // "+011 44 ...": the plus is wrong, the international prefix is right.
        if (!isInternational || PhoneRegions.AtStartOf(digits) is null)
        {
            if (AfterInternationalPrefix(digits, defaultRegion) is { } rest)
            {
                national = rest;
                isInternational = true;
            }
            else if (isInternational)
                return PhoneReason.InvalidCallingCode;
        }

        PhoneRegion region;
        if (isInternational)
        {
            if (PhoneRegions.AtStartOf(national) is not { } main)
                return PhoneReason.InvalidCallingCode;
            region = main;
            national = national[main.CallingCode.Length..];
        }
        else
        {
            if (defaultRegion is null)
                return PhoneReason.UnknownRegion;
            region = defaultRegion;
            if (WithoutOwnCode(digits, region) is { } rest)
            {
                national = rest;
                region = PhoneRegions.WithCode(region.CallingCode)[0];
            }
        }

        var mainRegion = PhoneRegions.WithCode(region.CallingCode)[0];
        // Again until nothing changes, so that what comes out stays as it is when it goes in.
        for (var i = 0; i < MostPrefixes; i++)
        {
            var stripped = WithoutNationalPrefix(national, region);
            // A prefix whose loss leaves an impossible number was none.
            var isUnchanged = stripped == national || (stripped.Length <= region.LongestLength && !region.HasLength(stripped.Length));
            if (!isUnchanged)
                national = stripped;
            if ((isUnchanged && region == mainRegion) || !mainRegion.HasLength(national.Length))
                break;
            // The main region of a shared calling code alone decides about the E.164 form.
            region = mainRegion;
        }

        number = new NationalNumber(mainRegion, national);
        return mainRegion.HasLength(national.Length) ? PhoneReason.None
            : national.Length < mainRegion.ShortestLength ? PhoneReason.TooShort
            : national.Length > mainRegion.LongestLength ? PhoneReason.TooLong
            : PhoneReason.InvalidLength;
    }

    private static string? AfterInternationalPrefix(string digits, PhoneRegion? region)
    {
        var prefix = region?.InternationalPrefix?.Match(digits);
        return prefix is { Success: true } && !digits.AsSpan(prefix.Length).StartsWith("0") ? digits[prefix.Length..] : null;
    }

    /// <summary>Digits alone that begin with the region's own calling code: it is one if they make sense only without it.</summary>
    private static string? WithoutOwnCode(string digits, PhoneRegion region)
    {
        if (!digits.StartsWith(region.CallingCode, StringComparison.Ordinal))
            return null;
        var rest = WithoutNationalPrefix(digits[region.CallingCode.Length..], region);
        return digits.Length > region.LongestLength || (!region.IsGeneral(digits) && region.IsGeneral(rest)) ? rest : null;
    }

    private static string WithoutNationalPrefix(string national, PhoneRegion region)
    {
        if (region.NationalPrefix?.Match(national) is not { Success: true } prefix)
            return national;
        var rest = national[prefix.Length..];
        if (region.Transform is { } transform && prefix.Groups[^1].Success)
            rest = transform.Insert + prefix.Groups[transform.Group].Value + rest;
        return rest != national && region.IsGeneral(national) && !region.IsGeneral(rest) ? national : rest;
    }
}
