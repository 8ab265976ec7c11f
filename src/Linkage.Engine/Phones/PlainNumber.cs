namespace Linkage.Engine.Phones;

/// <summary>Numbers in their usual written form, without any pattern or allocation. The second part of <c>normalize_phone</c>.</summary>
internal static class PlainNumber
{
    /// <summary>Room for the longest result: <c>+</c> and its digits.</summary>
    public const int MostCharacters = CallingCodeTable.MostDigits + 1;

    /// <summary>Writes the E.164 form of a plain number.</summary>
    /// <param name="input">Digits with spaces, hyphens, parentheses and dots, and perhaps one <c>+</c> before them.</param>
    /// <param name="defaultRegion">Numbers without <c>+</c> are plain in US only.</param>
    /// <param name="number">At least <see cref="MostCharacters"/> long.</param>
    /// <returns>How many characters were written; 0 if the text needs the general rules, which may find a number or none.</returns>
    public static int Read(ReadOnlySpan<char> input, string? defaultRegion, Span<char> number)
    {
        if (input.Length > PhoneText.LongestText)
            return 0;
        // The digits begin at 2, so that +1 fits in front.
        Span<char> room = stackalloc char[MostCharacters + 2];
        var end = 2;
        var isInternational = false;
        foreach (var c in input)
        {
            if (char.IsAsciiDigit(c))
            {
                if (end == room.Length)
                    return 0;
                room[end++] = c;
            }
            else if (c == '+' && end == 2 && !isInternational)
                isInternational = true;
            else if (c is not (' ' or '-' or '(' or ')' or '.'))
                return 0;
        }

        var digits = room[2..end];
        var start = 0;
        if (isInternational ? CallingCodeTable.IsPlain(digits) : IsWithCode(digits, defaultRegion))
            start = 1;
        else if (isInternational || defaultRegion is not "US" || digits.Length != 10 || digits[0] < '2')
            return 0;
        else
            room[1] = '1';
        room[start] = '+';
        room[start..end].CopyTo(number);
        return end - start;
    }

    private static bool IsWithCode(ReadOnlySpan<char> digits, string? defaultRegion) =>
        defaultRegion is "US" && digits.Length == 11 && digits[0] == '1' && digits[1] >= '2';
}
