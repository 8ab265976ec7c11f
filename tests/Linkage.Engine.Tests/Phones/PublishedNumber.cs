using System.Globalization;
using System.Text.RegularExpressions;

namespace Linkage.Engine.Tests.Phones;

/// <summary>An example number of one region and kind from <c>published_numbers.csv</c>, which owes nothing to the table of facts.</summary>
/// <param name="Region">Two letters, or the calling code of a service that belongs to no country.</param>
/// <param name="Kind">What the number is used for.</param>
/// <param name="International">Its international form: <c>+44 20 7946 0958</c>.</param>
/// <param name="National">Its form within the region, trunk prefix included; empty where there is no country.</param>
public sealed partial record PublishedNumber(string Region, string Kind, string International, string National)
{
    /// <summary>What some regions dial before a calling code.</summary>
    private static readonly (string Region, string Prefix)[] _internationalPrefixes =
    [
        ("US", "011"), ("DE", "00"), ("AU", "0011"), ("JP", "010"), ("RU", "810"), ("KE", "000"), ("SG", "001"), ("CU", "119"),
        ("BR", "0015"), ("FI", "990"), ("KR", "00700"),
    ];

    private static readonly string[] _extensions =
        [" ext. 12", "x12", " #12", ";ext=12", ",,12", " extension 12", " \u0434\u043E\u0431. 12"];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PublishedNumber> All { get; } =
        [.. Rows("published_numbers.csv").Select(f => new PublishedNumber(f[0], f[1], f[2], f[3]))];

    /// <summary>How many digits a national number can have, by calling code.</summary>
    public static IReadOnlyDictionary<string, IReadOnlySet<int>> Lengths { get; } =
        Rows("published_lengths.csv").ToDictionary(
            f => f[0],
            IReadOnlySet<int> (f) => f[1].Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToHashSet());

    public string E164 => "+" + Digits(International);

    public string CallingCode => International[1..International.IndexOf(' ', StringComparison.Ordinal)];

    /// <summary>The national number, without any prefix.</summary>
    public string NationalNumber => E164[(CallingCode.Length + 1)..];

    /// <summary>What the national form puts before the number; null if it changes the number itself or adds nothing.</summary>
    public string? TrunkPrefix
    {
        get
        {
            var digits = Digits(National);
            return digits.Length > NationalNumber.Length && digits.EndsWith(NationalNumber, StringComparison.Ordinal)
                ? digits[..^NationalNumber.Length]
                : null;
        }
    }

    /// <summary>The number whose last digits are these: mostly one that was not published, and possible all the same.</summary>
    public PublishedNumber WithOtherEnd(string digits) =>
        this with { International = ReplaceEnd(International, digits), National = ReplaceEnd(National, digits) };

    /// <summary>The number as people write it, with the default region that it is read with.</summary>
    public IEnumerable<(string Text, string Region)> Forms()
    {
        foreach (var text in InternationalForms())
            yield return (text, CallingCode == "44" ? "US" : "GB");
        foreach (var (region, prefix) in _internationalPrefixes)
        {
            yield return ($"{prefix} {International[1..]}", region);
            yield return ($"{prefix}{E164[1..]}", region);
        }

        if (National.Length == 0)
            yield break;
        foreach (var text in NationalForms())
            yield return (text, Region);
    }

    private IEnumerable<string> InternationalForms()
    {
        var groups = International[(CallingCode.Length + 2)..];
        var parted = Separators().Replace(groups, " ");
        var first = parted.IndexOf(' ', StringComparison.Ordinal) is var end && end < 0 ? parted.Length : end;
        yield return E164;
        yield return International;
        foreach (var separator in (string[])["-", ".", "/", "\u00A0", "\u2011", "  ", " - "])
            yield return $"+{CallingCode}{separator}{parted.Replace(" ", separator, StringComparison.Ordinal)}";
        yield return $"+{CallingCode} ({parted[..first]}) {parted[first..].TrimStart()}";
        yield return $"(+{CallingCode}) {groups}";
        yield return $"+ {CallingCode} {groups}";
        yield return $"Tel.: {International} ";
        yield return $"tel:{Separators().Replace(International, "-")}";
        yield return $"tel:{NationalNumber};phone-context=+{CallingCode}";
        if (TrunkPrefix is "0")
            yield return $"+{CallingCode} (0){groups}";
        yield return InDigits(International, 0xFF10).Replace('+', '\uFF0B');
        yield return InDigits(International, 0x0660);
        yield return InDigits(E164, 0x06F0);
        yield return InDigits(International, 0x0966);
        yield return $"\u202A{International}\u202C";
        yield return $"\uFEFF{string.Join('\u200B', International.ToCharArray())}\u200E";
        foreach (var extension in _extensions)
            yield return International + extension;
    }

    private IEnumerable<string> NationalForms()
    {
        yield return National;
        yield return Digits(National);
        yield return Separators().Replace(National, ".").Trim('.');
        yield return InDigits(National, 0x0660);
        yield return $"\u2068{National}\u2069\n";
        foreach (var extension in _extensions)
            yield return National + extension;
    }

    private static string ReplaceEnd(string form, string digits)
    {
        var text = form.ToCharArray();
        for (int i = text.Length - 1, left = digits.Length; i >= 0 && left > 0; i--)
        {
            if (char.IsAsciiDigit(text[i]))
                text[i] = digits[--left];
        }
        return new string(text);
    }

    private static string InDigits(string text, int zero) =>
        string.Concat(text.Select(c => char.IsAsciiDigit(c) ? (char)(zero + c - '0') : c));

    private static string Digits(string text) => string.Concat(text.Where(char.IsAsciiDigit));

    private static string[][] Rows(string resource)
    {
        using var stream = typeof(PublishedNumber).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => line[0] != '#')
            .Skip(1)
            .Select(line => line.Split(','))
            .ToArray();
    }

    [GeneratedRegex("[^0-9+]+")]
    private static partial Regex Separators();
}
