using Linkage.Engine.Tests.Phones;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>A few numbers that meet again and again, each written in many ways; and texts that are no number, some of them hostile.</summary>
internal sealed class PhonePool
{
    private static readonly Func<string, string>[] _forms =
    [
        n => n,
        n => "1" + n,
        n => "+1" + n,
        n => $"({n[..3]}) {n[3..6]}-{n[6..]}",
        n => $"+1 ({n[..3]}) {n[3..6]}-{n[6..]}",
        n => $"{n[..3]}.{n[3..6]}.{n[6..]}",
        n => $"1-{n[..3]}-{n[3..6]}-{n[6..]}",
        n => $"  {n[..3]} {n[3..6]} {n[6..]}\t",
        n => $"011 1 {n[..3]} {n[3..6]} {n[6..]}",
        n => $"tel:+1-{n[..3]}-{n[3..6]}-{n[6..]}",
        n => $"\u200F{n[..3]}\u2011{n[3..6]}\u2011{n[6..]}\u200F",
        n => string.Concat(n.Select(digit => (char)(digit - '0' + '\uFF10'))),
        n => n + " ext. 12",
    ];

    private static readonly string[] _garbage =
    [
        "", " ", "invalid", "none", "NULL", "null", "+", "0", "-1", "000-000-0000", "{}", "{,}", "{\"a\":1}", "[]", ",", "a,b", "'", "''", "\"", "\\",
        "\\\\", "\\.", "\\N", "'; DROP TABLE users; --", "\"}]", "$1", "$$", "%s%I%L", "@phone", ":phone", "\u202E2147\u202C", "\u200F", "\U0001F4DE",
        "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\n", "\r\n", "\u0001", "8725292147; SELECT pg_sleep(1)", "872529214", "+999999999999999",
        new string('9', 5000), new string('x', 300),
    ];

    private readonly Random _random;
    private readonly PhoneTexts _texts;
    private readonly string[] _numbers;

    public PhonePool(Random random, int numbers)
    {
        _random = random;
        _texts = new PhoneTexts(random.Next());
        _numbers = [.. Enumerable.Range(0, numbers).Select(_ => _texts.NorthAmerican())];
    }

    /// <summary>The number of that index, written in any way.</summary>
    public string Number(int index) => _forms[_random.Next(_forms.Length)](_numbers[index % _numbers.Length]);

    /// <summary>Any number of the pool, written in any way.</summary>
    public string Number() => Number(_random.Next(_numbers.Length));

    /// <summary>Mostly a number; now and then nothing, garbage, or what people write all over the world.</summary>
    public string? Any() => _random.Next(20) switch
    {
        0 => null,
        1 or 2 => _garbage[_random.Next(_garbage.Length)],
        3 => _texts.Next().Text,
        _ => Number(),
    };
}
