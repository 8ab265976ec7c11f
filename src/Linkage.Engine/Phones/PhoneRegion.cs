using System.Text.RegularExpressions;

namespace Linkage.Engine.Phones;

/// <summary>One calling region: a row of <c>phone_regions.csv</c>, whose facts come from google/libphonenumber.</summary>
/// <remarks>Patterns are compiled when first asked for: a session that meets three regions pays for three.</remarks>
internal sealed class PhoneRegion
{
    private readonly Lazy<PrefixPattern?> _internationalPrefix;
    private readonly Lazy<PrefixPattern?> _nationalPrefix;
    private readonly Lazy<Regex?> _leadingDigits;
    private readonly Lazy<Regex?> _general;
    private readonly Lazy<Regex?> _fixedLine;
    private readonly Lazy<Regex?> _mobile;
    private readonly Lazy<Regex?> _tollFree;

    public PhoneRegion(IReadOnlyDictionary<string, string> row)
    {
        CallingCode = row["calling_code"];
        // Codes that belong to no country (+800, +870 ...) all say 001: their code tells them apart.
        Name = row["region"] is "001" ? CallingCode : row["region"];
        IsMainForCode = row["main_for_code"] is "1";
        InternationalPrefixPattern = row["international_prefix"];
        NationalPrefixPattern = row["national_prefix_for_parsing"] is { Length: > 0 } pattern ? pattern : row["national_prefix"];
        Transform = PrefixTransform.Parse(row["national_prefix_transform"]);
        LeadingDigitsPattern = row["leading_digits"];
        GeneralPattern = row["general_pattern"];
        foreach (var length in row["national_lengths"].Split(' '))
            Lengths |= 1 << int.Parse(length, System.Globalization.CultureInfo.InvariantCulture);

        _internationalPrefix = Prefix(InternationalPrefixPattern);
        _nationalPrefix = Prefix(NationalPrefixPattern);
        _leadingDigits = AtStart(LeadingDigitsPattern);
        _general = Whole(GeneralPattern);
        _fixedLine = Whole(row["fixed_line_pattern"]);
        _mobile = Whole(row["mobile_pattern"]);
        _tollFree = Whole(row["toll_free_pattern"]);
    }

    /// <summary>Two letters (ISO 3166, and AC, TA, XK), or the calling code itself where that belongs to no country.</summary>
    public string Name { get; }

    /// <summary>The calling code, without <c>+</c>.</summary>
    public string CallingCode { get; }

    /// <summary>Whether this region decides for its shared calling code, as US does for 1 and GB for 44.</summary>
    public bool IsMainForCode { get; }

    /// <summary>What is dialled before a calling code (00, 011), as a pattern; empty if there is none.</summary>
    public string InternationalPrefixPattern { get; }

    /// <summary>What may precede a national number and is no part of it, as a pattern; empty if there is none.</summary>
    public string NationalPrefixPattern { get; }

    /// <summary>What takes the place of a national prefix, if anything does.</summary>
    public PrefixTransform? Transform { get; }

    /// <summary>First digits that tell this region from others with its calling code; empty if they do not.</summary>
    public string LeadingDigitsPattern { get; }

    /// <summary>What every assigned number of the region looks like.</summary>
    public string GeneralPattern { get; }

    /// <summary>Possible lengths of a national number: bit n is set if n digits are.</summary>
    public int Lengths { get; }

    /// <summary>The greatest possible length.</summary>
    public int LongestLength => 31 - System.Numerics.BitOperations.LeadingZeroCount((uint)Lengths);

    /// <summary>The smallest possible length.</summary>
    public int ShortestLength => System.Numerics.BitOperations.TrailingZeroCount(Lengths);

    public PrefixPattern? InternationalPrefix => _internationalPrefix.Value;

    public PrefixPattern? NationalPrefix => _nationalPrefix.Value;

    public Regex? LeadingDigits => _leadingDigits.Value;

    /// <summary>Whether a national number of so many digits is possible here.</summary>
    public bool HasLength(int digits) => digits < 31 && (Lengths >> digits & 1) != 0;

    public bool IsGeneral(ReadOnlySpan<char> nationalNumber) => Matches(_general, nationalNumber);

    public bool IsFixedLine(ReadOnlySpan<char> nationalNumber) => Matches(_fixedLine, nationalNumber);

    public bool IsMobile(ReadOnlySpan<char> nationalNumber) => Matches(_mobile, nationalNumber);

    public bool IsTollFree(ReadOnlySpan<char> nationalNumber) => Matches(_tollFree, nationalNumber);

    private static bool Matches(Lazy<Regex?> pattern, ReadOnlySpan<char> nationalNumber) =>
        pattern.Value?.IsMatch(nationalNumber) ?? false;

    private static Lazy<PrefixPattern?> Prefix(string pattern) => new(() => pattern.Length == 0 ? null : PrefixPattern.Parse(pattern));

    private static Lazy<Regex?> AtStart(string pattern) => Compile(pattern, $"^(?:{pattern})");

    private static Lazy<Regex?> Whole(string pattern) => Compile(pattern, $@"^(?:{pattern})\z");

    private static Lazy<Regex?> Compile(string pattern, string anchored) =>
        new(() => pattern.Length == 0 ? null : new Regex(anchored, RegexOptions.CultureInvariant));
}
