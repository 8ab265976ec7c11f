namespace Linkage.Engine.Phones;

/// <summary>
/// Numbers that are written where there is none. Whoever groups or joins people by phones must not do so by them. The SQL function
/// <c>linkage.is_placeholder_phone</c> does the same with the same masks.
/// </summary>
internal static class PlaceholderNumber
{
    /// <summary>
    /// Those whose digits are not all equal, in E.164 form, with <c>_</c> for any digit: the line numbers that North America keeps for
    /// fiction, and three runs of digits that can't be assigned there (area codes begin with 2 to 9, and none has 9 in the middle).
    /// Elsewhere such runs are good numbers: +44 1234 567890 is one in Bedford, +91 98765 43210 a mobile phone.
    /// </summary>
    public static IReadOnlyList<string> Masks { get; } = ["+1___55501__", "+10123456789", "+11234567890", "+19876543210"];

    /// <summary>Whether a text, in E.164 form or of digits alone, is one.</summary>
    public static bool Is(ReadOnlySpan<char> number)
    {
        var isInternational = number.StartsWith("+");
        var digits = isInternational ? number[1..] : number;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9'))
            return false;
        // What is left without the last digit's repetitions is a calling code at most.
        if (digits.TrimEnd(digits[^1]).Length <= (isInternational ? CallingCodeTable.CodeLength(digits) : 0))
            return true;
        foreach (var mask in Masks)
        {
            if (Fits(number, mask))
                return true;
        }
        return false;
    }

    private static bool Fits(ReadOnlySpan<char> number, string mask)
    {
        if (number.Length != mask.Length)
            return false;
        for (var i = 0; i < mask.Length; i++)
        {
            if (mask[i] != '_' && mask[i] != number[i])
                return false;
        }
        return true;
    }
}
