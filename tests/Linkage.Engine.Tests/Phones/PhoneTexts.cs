using System.Globalization;
using System.Text;
using Linkage.Engine.Phones;

namespace Linkage.Engine.Tests.Phones;

/// <summary>Random numbers as people write them, damaged more or less, and plain rubbish: the same ones for the same seed.</summary>
public sealed class PhoneTexts(int seed)
{
    private const string Damage = "0123456789+-() ./,;:#*~xXeExtTintaA[]\\\t\n\"'%_@ZQ";

    private static readonly string[] _extensions =
    [
        " x{0}", "x{0}", " ext. {0}", " Ext: {0}", " extension {0}", ";ext={0}", " #{0}", "#{0}#", ",,{0}", ";{0}", ", {0}", " - {0}#",
        " int {0}", " anexo {0}", " \u0434\u043E\u0431. {0}", " extensi\u00F3n {0}", " extensio\u0301n {0}", " Durchwahl {0}", " ~{0}",
        "/x{0}", " / {0}",
    ];

    private static readonly string[] _others =
    [
        "\u00A0", "\u2009", "\u2011", "\u2013", "\u2212", "\u200B", "\u200E", "\u202A", "\u202C", "\uFEFF", "\u00AD", "\u3000",
        "\uFF08", "\uFF09", "\uFF0B", "\uFF0D", "\uFF0E", "\uFF58", "\u260E", "\u00B7", "\u00E9", "\u0434", "\u0130", "\u212A",
        "\u20E3", "\uFE0F", "\U0001F4DE", "\U00010400", "\u4E00", "\u00B2", "\u2460", "\u0301", "\u0001", "\u007F", "\u0085", "\u2028",
        "tel:", ";phone-context=", ";phone-context=+1", ";phone-context=example.com", ";isub=1", ";ext=", "ext", "/x", "011", "00", "+", "(0)", "1", "8",
    ];

    private static readonly int[] _zeros = ['0', 0xFF10, 0x0660, 0x06F0, 0x0966, 0x0E50, 0x1D7CE, 0x1E950];
    private static readonly string[] _regions = PhoneRegions.All.Select(r => r.Name).ToArray();

    private readonly Random _random = new(seed);

    /// <summary>A text and the default region to read it with.</summary>
    public (string Text, string? Region) Next()
    {
        var region = _random.Next(4) switch { 0 or 1 => "US", 2 => Pick(_regions), _ => _random.Next(10) == 0 ? "XX" : Pick(_regions) };
        var text = _random.Next(10) switch
        {
            0 => Rubbish(),
            1 or 2 or 3 => Written(NorthAmerican()),
            4 or 5 => Written(International()),
            6 or 7 => Written(National(region)),
            8 => "+" + Digits(_random.Next(4, 18)),
            _ => Digits(_random.Next(1, 19)),
        };
        if (_random.Next(4) == 0)
            text += string.Format(CultureInfo.InvariantCulture, Pick(_extensions), Digits(_random.Next(1, 22)));
        for (var mutations = _random.Next(3) == 0 ? _random.Next(1, 4) : 0; mutations > 0; mutations--)
            text = Mutate(text);
        if (_random.Next(8) == 0)
            text = InOtherDigits(text, Pick(_zeros));
        // A mutation may have parted a surrogate pair, which no database text can hold.
        return (string.Concat(text.EnumerateRunes().Where(rune => rune != Rune.ReplacementChar)), region);
    }

    /// <summary>Ten digits that an exchange of North America could have.</summary>
    public string NorthAmerican() => $"{_random.Next(2, 10)}{Digits(2)}{_random.Next(2, 10)}{Digits(6)}";

    /// <summary>Digits behind the calling code of some region, as many as it may have or a trunk prefix more.</summary>
    public string International()
    {
        var region = PhoneRegions.Find(Pick(_regions))!;
        var prefix = _random.Next(4) switch { 0 => "011", 1 => "00", _ => "+" };
        var national = _random.Next(3) == 0 ? "0" : _random.Next(6) == 0 ? "8" : "";
        return $"{prefix}{region.CallingCode}{national}{Digits(_random.Next(region.ShortestLength, region.LongestLength + 1))}";
    }

    private string National(string name)
    {
        if (PhoneRegions.Find(name) is not { } region)
            return Digits(9);
        var prefix = _random.Next(5) switch { 0 => "", 1 => region.CallingCode, 2 => "1", 3 => "8", _ => "0" };
        return prefix + Digits(_random.Next(region.ShortestLength, region.LongestLength + 1));
    }

    private string Written(string number)
    {
        var text = new StringBuilder();
        var style = _random.Next(5);
        for (var i = 0; i < number.Length; i++)
        {
            text.Append(number[i]);
            if (style > 0 && i > 0 && (number.Length - i) % 3 == 2 && i < number.Length - 3)
                text.Append(" -./("[style]);
        }
        return style == 4 ? text.Append(')').ToString() : text.ToString();
    }

    private string Mutate(string text)
    {
        var at = _random.Next(text.Length + 1);
        return _random.Next(6) switch
        {
            0 when at < text.Length => text.Remove(at, 1),
            1 => text.Insert(at, Damage[_random.Next(Damage.Length)].ToString()),
            2 => text.Insert(at, Pick(_others)),
            3 => Pick(_others) + text,
            4 => text + Pick(_others),
            _ => _random.Next(50) == 0 ? text.Insert(at, new string(' ', 250)) : text.ToUpperInvariant(),
        };
    }

    private string Rubbish() =>
        string.Concat(Enumerable.Range(0, _random.Next(0, 20))
            .Select(_ => _random.Next(5) == 0 ? Pick(_others) : Damage[_random.Next(Damage.Length)].ToString()));

    private static string InOtherDigits(string text, int zero) =>
        string.Concat(text.Select(c => char.IsAsciiDigit(c) ? char.ConvertFromUtf32(zero + c - '0') : c.ToString()));

    private string Digits(int count) => string.Concat(Enumerable.Range(0, count).Select(_ => (char)('0' + _random.Next(10))));

    private T Pick<T>(T[] items) => items[_random.Next(items.Length)];
}
