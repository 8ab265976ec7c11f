using Linkage.Engine.Phones;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Phones;

public sealed class PhoneNumberTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(PhoneCases.All), MemberType = typeof(PhoneCases))]
    public void A_written_form_has_its_E164_form(string? text, string? region, string? e164)
    {
        Assert.Equal(e164, PhoneNumber.Normalize(text, region));
        Assert.Equal(e164, PhoneNumber.Parse(text, region).E164);
    }

    [Theory]
    [InlineData("+18725292147", "US", true, PhoneKind.FixedLineOrMobile)]
    [InlineData("+15551234567", "US", false, PhoneKind.Unknown)]
    [InlineData("+18003569377", "US", true, PhoneKind.TollFree)]
    [InlineData("+14165550123", "CA", true, PhoneKind.FixedLineOrMobile)]
    [InlineData("+18765230123", "JM", true, PhoneKind.FixedLineOrMobile)]
    [InlineData("+442079460958", "GB", true, PhoneKind.FixedLine)]
    [InlineData("+447912345678", "GB", true, PhoneKind.Mobile)]
    [InlineData("+77012345678", "KZ", true, PhoneKind.Mobile)]
    [InlineData("+80012345678", "800", true, PhoneKind.TollFree)]
    public void A_possible_number_tells_its_region_validity_and_kind(string text, string region, bool isValid, PhoneKind kind)
    {
        var result = PhoneNumber.Parse(text);

        Assert.Equal((text, region, true, isValid, kind, PhoneReason.None),
            (result.E164, result.Region, result.IsPossible, result.IsValid, result.Kind, result.Reason));
    }

    [Theory]
    [InlineData(null, "US", PhoneReason.Empty)]
    [InlineData("", "US", PhoneReason.Empty)]
    [InlineData(" \u00A0\u200B", "US", PhoneReason.Empty)]
    [InlineData("invalid", "US", PhoneReason.NotANumber)]
    [InlineData("12", "US", PhoneReason.NotANumber)]
    [InlineData("872@529@2147", "US", PhoneReason.NotANumber)]
    [InlineData("8725292147", "XX", PhoneReason.UnknownRegion)]
    [InlineData("+999 1234567", "US", PhoneReason.InvalidCallingCode)]
    [InlineData("+0 1234567", "US", PhoneReason.InvalidCallingCode)]
    [InlineData("529-2147", "US", PhoneReason.TooShort)]
    [InlineData("187252921478", "US", PhoneReason.TooLong)]
    [InlineData("+44 1234 5678", "US", PhoneReason.InvalidLength)]
    public void What_is_no_possible_number_says_why(string? text, string region, PhoneReason reason)
    {
        var result = PhoneNumber.Parse(text, region);

        Assert.Equal((text, null, null, false, false, PhoneKind.Unknown, reason),
            (result.Input, result.E164, result.Region, result.IsPossible, result.IsValid, result.Kind, result.Reason));
    }

    [Theory]
    [InlineData("872-529-2147", null)]
    [InlineData("872-529-2147 x012", "012")]
    [InlineData("872-529-2147 ext. 12", "12")]
    [InlineData("872-529-2147 - 503#", "503")]
    [InlineData("tel:+18725292147;ext=7", "7")]
    public void An_extension_is_kept_apart(string text, string? extension) =>
        Assert.Equal(extension, PhoneNumber.Parse(text).Extension);

    [Fact]
    public void A_clean_number_of_any_region_is_returned_itself_without_allocation()
    {
        var texts = new PhoneTexts(TestSeed.Next(output));
        // Published ones, and any that could be: with first digits that may be a trunk prefix, or an area code that one replaces.
        var numbers = PublishedNumber.All.Select(n => n.E164)
            .Concat(Enumerable.Range(0, 20_000).Select(_ => texts.International()))
            .Append("+541115123456")
            .Where(number => PhoneNumber.Normalize(number) == number)
            .ToArray();
        Assert.InRange(numbers.Length, PublishedNumber.All.Count + 2000, int.MaxValue);

        Predicate<string> isReturnedItself = number => ReferenceEquals(number, PhoneNumber.Normalize(number));
        Assert.True(Array.TrueForAll(numbers, isReturnedItself));
        // Tests beside this one may have borrowed what a regular expression works with: the least of several passes counts.
        Assert.Equal(0, Enumerable.Range(0, 10).Min(_ => AllocatedBy(() => Array.TrueForAll(numbers, isReturnedItself))));
    }

    private static long AllocatedBy(Func<bool> action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    [Fact]
    public void Every_written_form_of_a_North_American_number_leads_back_to_it()
    {
        var texts = new PhoneTexts(seed: 1);
        for (var i = 0; i < 1000; i++)
        {
            var n = texts.NorthAmerican();
            var (a, b, c) = (n[..3], n[3..6], n[6..]);
            string[] forms = [n, $"1{n}", $"+1{n}", $"({a}) {b}-{c}", $"{a}-{b}-{c}", $"{a}.{b}.{c}", $"1-{a}-{b}-{c}", $"+1 ({a}) {b}-{c}",
                $"+1.{a}.{b}.{c}", $"{a} {b} {c} x9", $"tel:+1-{a}-{b}-{c}", $"{a}/{b}-{c}", $"0111{n}"];
            Assert.All(forms, form => Assert.Equal("+1" + n, PhoneNumber.Normalize(form)));
        }
    }

    [Fact]
    public void No_text_makes_it_fail()
    {
        Assert.Null(PhoneNumber.Normalize("\uD800\0\uDC00"));
        Assert.Null(PhoneNumber.Normalize(new string('1', 100_000)));
        Assert.Equal("+18725292147", PhoneNumber.Normalize("872\uD800".TrimEnd('\uD800') + "5292147"));
    }
}
