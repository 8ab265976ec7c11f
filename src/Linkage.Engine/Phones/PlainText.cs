namespace Linkage.Engine.Phones;

/// <summary>Texts of digits and the usual marks between them, read without any pattern. What the SQL function does with <c>translate</c>.</summary>
internal static class PlainText
{
    /// <summary>The greatest length of a text, in characters.</summary>
    public const int Longest = 40;

    /// <summary>Bit n is set for character n + 32 if it is a digit or a mark.</summary>
    private const uint Known = 0x03FF_0000 | 1 << (' ' - 32) | 1 << ('(' - 32) | 1 << (')' - 32) | 1 << ('-' - 32) | 1 << ('.' - 32);

    /// <summary>Reads a text.</summary>
    /// <param name="text">Digits with spaces, hyphens, parentheses and dots, and perhaps one <c>+</c> in front.</param>
    /// <param name="digits">At least as long as the text.</param>
    /// <param name="isInternational">Whether it has the <c>+</c>.</param>
    /// <returns>How many digits were written; -1 if the text is too long or has anything else in it.</returns>
    public static int Read(ReadOnlySpan<char> text, Span<char> digits, out bool isInternational)
    {
        isInternational = text.StartsWith("+");
        if (text.Length > Longest)
            return -1;
        var count = 0;
        foreach (var c in isInternational ? text[1..] : text)
        {
            // Every character is written, and the next one over it unless it was a digit: no branch that texts make unpredictable.
            digits[count] = c;
            count += c >= '0' ? 1 : 0;
            if (c - 32u >= 32 || (Known >> (c - 32) & 1) == 0)
                return -1;
        }
        return count;
    }
}
