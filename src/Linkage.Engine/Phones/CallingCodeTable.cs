namespace Linkage.Engine.Phones;

/// <summary>
/// What the first three digits of an E.164 number tell, as one integer each, so that a clean number is recognised by one look-up.
/// The SQL function holds the same integers as an array literal.
/// </summary>
/// <remarks>
/// Bits 0 to 9: digits that a national (trunk) prefix can begin with: if the national number begins with one, the patterns decide.
/// Bits 10 and 11: length of the calling code; 0 if there is no such code.
/// Bits 12 and up: bit n + 6 is set if n digits, calling code included, are possible.
/// </remarks>
internal static class CallingCodeTable
{
    private const int CodeLengthShift = 10;
    private const int DigitsShift = 6;

    private static readonly int[] _entries = Enumerable.Range(0, 1000).Select(Entry).ToArray();

    /// <summary>The fewest and the most digits of an E.164 number that the table can tell about.</summary>
    public const int FewestDigits = 6;

    /// <inheritdoc cref="FewestDigits"/>
    public const int MostDigits = 20;

    /// <summary>The entries, by three leading digits.</summary>
    public static IReadOnlyList<int> Entries => _entries;

    /// <summary>Whether these digits, calling code first, are a possible number that has no national prefix in it.</summary>
    public static bool IsPlain(ReadOnlySpan<char> digits)
    {
        if (digits.Length is < FewestDigits or > MostDigits)
            return false;
        var entry = _entries[((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + digits[2] - '0'];
        return (entry >> (digits.Length + DigitsShift) & 1) != 0
            && (entry >> (digits[entry >> CodeLengthShift & 3] - '0') & 1) == 0;
    }

    /// <summary>How many digits the calling code has that these digits begin with; 0 if they begin with none.</summary>
    public static int CodeLength(ReadOnlySpan<char> digits)
    {
        var leading = 0;
        for (var i = 0; i < 3; i++)
            leading = (leading * 10) + (i < digits.Length ? digits[i] - '0' : 0);
        return _entries[leading] >> CodeLengthShift & 3;
    }

    private static int Entry(int leadingDigits)
    {
        var digits = leadingDigits.ToString("000", System.Globalization.CultureInfo.InvariantCulture);
        if (PhoneRegions.AtStartOf(digits) is not { } region)
            return 0;
        return (region.NationalPrefix?.FirstDigits ?? 0)
            | region.CallingCode.Length << CodeLengthShift
            | region.Lengths << (region.CallingCode.Length + DigitsShift);
    }
}
