namespace Linkage.Engine.Phones;

/// <summary>
/// The rules of numbering plans: which digits are the calling code, and which the national number. The third part of the SQL function
/// <c>normalize_phone</c>, step by step.
/// </summary>
internal static class PhoneRules
{
    /// <summary>Enough for any number of prefixes in a row; a bound, so that no table can make it endless.</summary>
    private const int MostPrefixes = 20;

    /// <summary>How many characters of room the rules need: a number may be transformed twice, from one half to the other.</summary>
    public const int Room = 2 * Half;

    private const int Half = PhoneText.LongestText + (2 * PrefixTransform.MostInserted);

    /// <summary>Applies the rules.</summary>
    /// <param name="digits">Digits as they are dialled.</param>
    /// <param name="isInternational">Whether <c>+</c> preceded them.</param>
    /// <param name="defaultRegion">The region whose national form the digits may have; null if unknown.</param>
    /// <param name="room"><see cref="Room"/> characters, in which the number may be written.</param>
    /// <param name="number">The possible number, if the reason is None.</param>
    /// <returns>None, or why there is no possible number.</returns>
    public static PhoneReason Resolve(
        ReadOnlySpan<char> digits, bool isInternational, PhoneRegion? defaultRegion, Span<char> room, out NationalNumber number)
    {
        number = default;
        var national = digits;
        // "+011 44 ...": the plus is wrong, the international prefix is right.
        if (!isInternational || PhoneRegions.AtStartOf(digits) is null)
        {
            var prefix = InternationalPrefixLength(digits, defaultRegion);
            if (prefix >= 0)
            {
                national = digits[prefix..];
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
            if (HasOwnCode(digits, region, room, out var rest))
            {
                national = rest;
                region = PhoneRegions.WithCode(region.CallingCode)[0];
            }
        }

        var mainRegion = PhoneRegions.WithCode(region.CallingCode)[0];
        // Again until nothing changes, so that what comes out stays as it is when it goes in.
        for (var i = 0; i < MostPrefixes; i++)
        {
            var stripped = WithoutNationalPrefix(national, region, national.Overlaps(room[..Half]) ? room[Half..] : room);
            // A prefix whose loss leaves an impossible number was none.
            var isUnchanged = stripped.SequenceEqual(national)
                || (stripped.Length <= region.LongestLength && !region.HasLength(stripped.Length));
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

    /// <summary>The length of an international prefix; -1 if there is none.</summary>
    private static int InternationalPrefixLength(ReadOnlySpan<char> digits, PhoneRegion? region)
    {
        Span<int> marks = stackalloc int[2 * PrefixPattern.MostGroups];
        var length = region?.InternationalPrefix?.Match(digits, marks) ?? -1;
        return length >= 0 && digits[length..].StartsWith("0") ? -1 : length;
    }

    /// <summary>Digits alone that begin with the region's own calling code: it is one if they make sense only without it.</summary>
    private static bool HasOwnCode(ReadOnlySpan<char> digits, PhoneRegion region, Span<char> room, out ReadOnlySpan<char> rest)
    {
        rest = default;
        if (!digits.StartsWith(region.CallingCode))
            return false;
        rest = WithoutNationalPrefix(digits[region.CallingCode.Length..], region, room);
        return digits.Length > region.LongestLength || (!region.IsGeneral(digits) && region.IsGeneral(rest));
    }

    private static ReadOnlySpan<char> WithoutNationalPrefix(ReadOnlySpan<char> national, PhoneRegion region, Span<char> room)
    {
        Span<int> marks = stackalloc int[2 * PrefixPattern.MostGroups];
        if (region.NationalPrefix is not { } prefix || prefix.Match(national, marks) is var length && length < 0)
            return national;
        var rest = national[length..];
        if (region.Transform is { } transform && marks[(2 * prefix.Groups) - 1] >= 0)
            rest = transform.Apply(national[marks[(2 * transform.Group) - 2]..marks[(2 * transform.Group) - 1]], rest, room);
        return !rest.SequenceEqual(national) && region.IsGeneral(national) && !region.IsGeneral(rest) ? national : rest;
    }
}
