using System.Text.RegularExpressions;
using Linkage.Engine.Phones;

namespace Linkage.Engine.Tests.Phones;

public sealed class PrefixPatternTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("0", "0")]
    [InlineData("0|180020", "01")]
    [InlineData("[08]", "08")]
    [InlineData("80?", "8")]
    [InlineData("0?(?:(11|2[3-5])15)?", "012")]
    [InlineData(@"([0-24-8]\d{5})$|9", "012456789")]
    [InlineData(@"\d{0,2}", "0123456789")]
    public void A_prefix_begins_with_these_digits(string pattern, string digits) =>
        Assert.Equal(digits, string.Concat(Enumerable.Range(0, 10).Where(d => (PrefixPattern.Parse(pattern).FirstDigits >> d & 1) != 0)));

    [Theory]
    [InlineData("0+")]
    [InlineData("(?=0)")]
    [InlineData("(0")]
    [InlineData("[^0]")]
    [InlineData("0{1")]
    [InlineData("(0)(1)(2)(3)(4)")]
    public void A_pattern_with_anything_unknown_is_refused(string pattern) =>
        Assert.Throws<FormatException>(() => PrefixPattern.Parse(pattern));

    [Fact]
    public void Every_prefix_of_the_table_matches_what_a_regular_expression_of_its_text_does()
    {
        var random = new Random(1);
        Span<int> marks = stackalloc int[2 * PrefixPattern.MostGroups];
        foreach (var pattern in PhoneRegions.All.SelectMany(r => new[] { r.NationalPrefixPattern, r.InternationalPrefixPattern }).Distinct())
        {
            var prefix = PrefixPattern.Parse(pattern);
            var expression = new Regex($"^(?:{pattern})");
            for (var i = 0; i < 2000; i++)
            {
                var number = string.Concat(Enumerable.Range(0, random.Next(0, 15)).Select(_ => PickDigit(random, pattern)));
                var match = expression.Match(number);
                var expected = match.Groups.Values.Skip(1).SelectMany(g => g.Success ? new[] { g.Index, g.Index + g.Length } : [-1, -1]);

                Assert.True((match.Success ? match.Length : -1) == prefix.Match(number, marks), $"{pattern} {number}");
                if (match.Success)
                    Assert.Equal(expected, marks[..(2 * prefix.Groups)].ToArray());
                Assert.True(match.Length == 0 || (prefix.FirstDigits >> (number[0] - '0') & 1) != 0, $"{pattern} {number}");
            }
        }
    }

    /// <summary>A digit that the pattern names, as often as not, so that long prefixes are met.</summary>
    private static char PickDigit(Random random, string pattern)
    {
        var digits = pattern.Where(char.IsAsciiDigit).ToArray();
        return random.Next(2) == 0 || digits.Length == 0 ? (char)('0' + random.Next(10)) : digits[random.Next(digits.Length)];
    }
}
