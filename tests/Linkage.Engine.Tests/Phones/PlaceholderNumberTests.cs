using Linkage.Engine.Phones;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Phones;

/// <summary>Numbers that are written where there is none, in C# and in SQL.</summary>
public sealed class PlaceholderNumberTests(ITestOutputHelper output)
{
    public static TheoryData<string, bool> Numbers => new()
    {
        // All digits of the national number are equal.
        { "+10000000000", true },
        { "+15555555555", true },
        { "+11111111111", true },
        { "+447777777777", true },
        { "+444444444444", true },
        { "+3710000000", true },
        { "+353111111111", true },
        { "0000000", true },
        { "99999999999999999999", true },
        { "+4920000000", false },
        { "+15555555556", false },
        { "+25555555555", true },
        { "+12555555555", false },
        { "15555555555", false },

        // Kept for fiction in North America.
        { "+12125550100", true },
        { "+12125550199", true },
        { "+15555550142", true },
        { "+12125550099", false },
        { "+12125550200", false },
        { "+12125551212", false },
        { "+12125500100", false },
        { "+442125550100", false },

        // Runs of digits, where they can't be assigned.
        { "+10123456789", true },
        { "+11234567890", true },
        { "+19876543210", true },
        { "+12345678901", false },
        { "+441234567890", false },
        { "+919876543210", false },

        // What people have.
        { "+18725292147", false },
        { "+15551234567", false },
        { "+442079460958", false },
        { "+390612345678", false },

        // No numbers.
        { "", false },
        { "+", false },
        { "invalid", false },
        { "555-555-5555", false },
        { "+1 555 555 5555", false },
        { "+1abc55501xy", false },
        { "\u0660\u0660\u0660\u0660\u0660\u0660\u0660", false },
    };

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_placeholder_is_recognised(string number, bool isPlaceholder) =>
        Assert.Equal(isPlaceholder, PhoneNumber.IsPlaceholder(number));

    [Theory]
    [InlineData("(000) 000-0000", true)]
    [InlineData("555 555 5555", true)]
    [InlineData("212-555-0123 x4", true)]
    [InlineData("1234567890", true)]
    [InlineData("111-1111", true)]
    [InlineData("0000000000000000", true)]
    [InlineData("872-529-2147", false)]
    [InlineData("1555-555-555", false)]
    [InlineData("xxx", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_result_tells_it_of_what_is_not_possible_too(string? text, bool isPlaceholder) =>
        Assert.Equal(isPlaceholder, PhoneNumber.Parse(text).IsPlaceholder);

    [Fact]
    public async Task SQL_and_CSharp_agree()
    {
        var random = new Random(TestSeed.Next(output));
        var numbers = Numbers.Select(n => (string?)n[0])
            .Concat(PublishedNumber.All.Select(n => n.E164))
            .Concat(
                from code in Enumerable.Range(0, 1000)
                from digit in "0123456789"
                select $"+{code}{new string(digit, random.Next(1, 14))}")
            .Concat(Enumerable.Range(0, 20_000).Select(_ => Near(random)))
            .ToArray();
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);

        var sql = await PhoneDatabase.MapAsync<bool>(
            connection, "linkage.is_placeholder_phone(x)", [.. numbers.Select(n => (n, (string?)null))]);

        Assert.Empty(numbers.Zip(sql).Where(t => t.Second != PhoneNumber.IsPlaceholder(t.First)).Take(20));
        Assert.InRange(sql.Count(isPlaceholder => isPlaceholder), 5_000, numbers.Length - 5_000);
    }

    [Fact]
    public async Task Of_NULL_SQL_tells_neither_placeholder_nor_extension()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);

        Assert.Null(Assert.Single(await PhoneDatabase.MapAsync<bool?>(connection, "linkage.is_placeholder_phone(x)", [(null, null)])));
        Assert.Null(Assert.Single(await PhoneDatabase.MapAsync<string?>(connection, "linkage.phone_extension(x)", [(null, null)])));
    }

    /// <summary>A placeholder of some kind, sometimes damaged.</summary>
    private static string Near(Random random)
    {
        var number = random.Next(3) switch
        {
            0 => $"+1{random.Next(200, 1000)}55501{random.Next(100):00}",
            1 => "+1" + ((string[])["0123456789", "1234567890", "9876543210"])[random.Next(3)],
            _ => new string((char)('0' + random.Next(10)), random.Next(1, 18)),
        };
        return random.Next(2) == 0 ? number : number.Insert(random.Next(number.Length + 1), "0123456789+a %_"[random.Next(15)].ToString());
    }
}
