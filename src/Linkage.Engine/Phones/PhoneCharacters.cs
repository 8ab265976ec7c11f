using System.Text;

namespace Linkage.Engine.Phones;

/// <summary>What each character outside printable ASCII means in a phone number. SQL and C# clean their input by this one table.</summary>
internal static class PhoneCharacters
{
    /// <summary>The zero of every block of decimal digits (general category Nd of Unicode 16) but ASCII; one to nine follow it.</summary>
    private static readonly int[] _zeros =
    [
        0xFF10, 0x0660, 0x06F0, 0x0966, // full width, Arabic-Indic, its eastern form and Devanagari lead: they are the frequent ones
        0x07C0, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090,
        0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0,
        0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
        0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0,
        0x16B50, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
    ];

    private static readonly (int First, int Last)[] _spaces =
    [
        (0x00A0, 0x00A0), (0x0009, 0x000D), (0x0085, 0x0085), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000),
    ];

    private static readonly (int First, int Last)[] _dashes =
    [
        (0x2010, 0x2015), (0x2212, 0x2212), (0x2043, 0x2043), (0x2053, 0x2053), (0x223C, 0x223C), (0x30FC, 0x30FC), (0xFE58, 0xFE58),
        (0xFE63, 0xFE63), (0xFF0D, 0xFF0D),
    ];

    /// <summary>Dots that people set between groups of digits.</summary>
    private static readonly (int First, int Last)[] _dots = [(0x00B7, 0x00B7), (0x2022, 0x2022)];

    /// <summary>
    /// Soft hyphen, zero width space and joiners, marks of writing direction (contacts copied from an address book bring U+202A and
    /// U+202C), variation selectors and keycaps (of emoji digits), byte order mark.
    /// </summary>
    private static readonly (int First, int Last)[] _invisible =
    [
        (0x00AD, 0x00AD), (0x061C, 0x061C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069),
        (0x20E3, 0x20E3), (0xFE0E, 0xFE0F), (0xFEFF, 0xFEFF),
    ];

    /// <summary>Signs, arrows, pictures: dropped behind a number. Elsewhere, and any other character anywhere, they spoil it.</summary>
    private static readonly (int First, int Last)[] _signs =
    [
        (0x00A1, 0x00A9), (0x00AB, 0x00B1), (0x00B4, 0x00B4), (0x00B6, 0x00B8), (0x00BB, 0x00BB), (0x00BF, 0x00BF), (0x00D7, 0x00D7),
        (0x00F7, 0x00F7), (0x2010, 0x205E), (0x20A0, 0x20CF), (0x2190, 0x245F), (0x2500, 0x2775), (0x2794, 0x2BFF), (0x3001, 0x3003),
        (0x1F000, 0x1FAFF),
    ];

    private static readonly Dictionary<int, string> _meanings = Meanings().ToDictionary(m => m.Character, m => m.Meaning);

    /// <summary>Each character that is rewritten, frequent ones first, with its printable ASCII form; empty if it is dropped.</summary>
    public static IEnumerable<(int Character, string Meaning)> Meanings()
    {
        foreach (var c in In(_spaces))
            yield return (c, " ");
        foreach (var c in In(_dashes))
            yield return (c, "-");
        foreach (var c in In(_dots))
            yield return (c, ".");
        // The full width block repeats ASCII at a fixed distance. Its digits and its dash are said elsewhere.
        foreach (var c in "+()[]./,;:#*~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
            yield return (c + 0xFEE0, c.ToString());
        foreach (var zero in _zeros)
        {
            for (var digit = 0; digit < 10; digit++)
                yield return (zero + digit, digit.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        foreach (var c in In(_invisible))
            yield return (c, "");
    }

    /// <summary>Ranges outside ASCII of characters that may trail a number.</summary>
    public static IReadOnlyList<(int First, int Last)> Signs => _signs;

    /// <summary>Rewrites a text into the characters that a phone number is made of.</summary>
    public static string Clean(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            return text;
        var clean = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var width = Width(text, i);
            if (_meanings.TryGetValue(width == 2 ? char.ConvertToUtf32(text, i) : text[i], out var meaning))
                clean.Append(meaning);
            else
                clean.Append(text, i, width);
            i += width;
        }
        return clean.ToString();
    }

    /// <summary>Cuts off what trails a number without being a letter, a digit or <c>#</c>.</summary>
    public static ReadOnlySpan<char> TrimEnd(ReadOnlySpan<char> text)
    {
        var end = text.Length;
        while (end > 0)
        {
            var width = end > 1 && char.IsSurrogatePair(text[end - 2], text[end - 1]) ? 2 : 1;
            if (!Trails(width == 2 ? char.ConvertToUtf32(text[end - 2], text[end - 1]) : text[end - 1]))
                break;
            end -= width;
        }
        return text[..end];
    }

    private static bool Trails(int character) =>
        character < 0x80
            ? character != '#' && !char.IsAsciiLetterOrDigit((char)character)
            : Array.Exists(_signs, range => character >= range.First && character <= range.Last);

    private static int Width(string text, int index) =>
        index + 1 < text.Length && char.IsSurrogatePair(text[index], text[index + 1]) ? 2 : 1;

    private static IEnumerable<int> In((int First, int Last)[] ranges) =>
        ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1));
}
