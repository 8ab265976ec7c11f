namespace Linkage.Engine.Phones;

/// <summary>A national number with its calling code.</summary>
/// <param name="mainRegion">The main region of the calling code.</param>
/// <param name="digits">The national number, significant leading zeros included.</param>
internal readonly ref struct NationalNumber(PhoneRegion mainRegion, ReadOnlySpan<char> digits)
{
    /// <summary>The calling code, without <c>+</c>.</summary>
    public string CallingCode { get; } = mainRegion.CallingCode;

    /// <summary>The national number, significant leading zeros included.</summary>
    public ReadOnlySpan<char> Digits { get; } = digits;

    /// <summary>Among the regions of the calling code the one that the digits tell, else the main one.</summary>
    public PhoneRegion Region
    {
        get
        {
            var regions = PhoneRegions.WithCode(CallingCode);
            foreach (var region in regions)
            {
                if (region.LeadingDigits?.IsMatch(Digits) ?? IsAssigned(region))
                    return region;
            }
            return regions[0];
        }
    }

    /// <summary>Whether the digits match the pattern of assigned numbers of that region.</summary>
    /// <remarks>The general pattern of North America is any ten digits; there the patterns of kinds decide.</remarks>
    public bool IsValid(PhoneRegion region) => region.CallingCode is "1" ? IsAssigned(region) : region.IsGeneral(Digits);

    /// <summary>What the number is used for in that region.</summary>
    public PhoneKind Kind(PhoneRegion region)
    {
        if (!region.IsGeneral(Digits))
            return PhoneKind.Unknown;
        if (region.IsTollFree(Digits))
            return PhoneKind.TollFree;
        return (region.IsFixedLine(Digits), region.IsMobile(Digits)) switch
        {
            (true, true) => PhoneKind.FixedLineOrMobile,
            (true, false) => PhoneKind.FixedLine,
            (false, true) => PhoneKind.Mobile,
            _ => PhoneKind.Unknown,
        };
    }

    private bool IsAssigned(PhoneRegion region) => Kind(region) != PhoneKind.Unknown;
}
