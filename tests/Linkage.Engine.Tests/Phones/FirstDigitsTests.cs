using System.Text.RegularExpressions;
using Linkage.Engine.Phones;

namespace Linkage.Engine.Tests.Phones;

public sealed class FirstDigitsTests
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
        Assert.Equal(digits, string.Concat(Enumerable.Range(0, 10).Where(d => (FirstDigits.Of(pattern) >> d & 1) != 0)));

    [Theory]
    [InlineData("0+")]
    [InlineData("(?=0)")]
    [InlineData("(0")]
    [InlineData("[^0]")]
    public void A_pattern_with_anything_unknown_is_refused(string pattern) =>
        Assert.Throws<FormatException>(() => FirstDigits.Of(pattern));

    [Fact]
    public void No_prefix_of_the_table_begins_with_another_digit()
    {
        var random = new Random(1);
        Assert.All(PhoneRegions.All, region =>
        {
            var digits = FirstDigits.Of(region.NationalPrefixPattern);
            for (var i = 0; i < 2000 && region.NationalPrefixPattern.Length > 0; i++)
            {
                var number = string.Concat(Enumerable.Range(0, random.Next(5, 12)).Select(_ => random.Next(10)));
                if (Regex.Match(number, $"^(?:{region.NationalPrefixPattern})") is { Length: > 0 })
                    Assert.True((digits >> (number[0] - '0') & 1) != 0, $"{region.Name} {number}");
            }
        });
    }
}
