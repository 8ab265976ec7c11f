using Dapper;
using Linkage.Engine.Phones;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Phones;

/// <summary>Numbers that were published as examples, and impossible ones beside them: nothing here comes from the table of facts.</summary>
public sealed class PublishedNumberTests(ITestOutputHelper output)
{
    private const int LongestNumber = 20;

    private static readonly HashSet<(string CallingCode, char FirstDigit)> _trunkPrefixes =
        [.. PublishedNumber.All.Where(n => n.TrunkPrefix is not null).Select(n => (n.CallingCode, n.TrunkPrefix![0]))];

    [Fact]
    public void Every_region_has_a_published_number() =>
        Assert.Equal(
            PhoneRegions.All.Select(r => r.Name), PublishedNumber.All.Select(n => n.Region).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public async Task Every_written_form_of_every_published_number_has_its_E164_form()
    {
        var forms = PublishedNumber.All
            .SelectMany(n => n.Forms().Select(f => (Text: (string?)f.Text, Region: (string?)f.Region, n.E164)))
            .ToArray();
        output.WriteLine($"{forms.Length} forms of {PublishedNumber.All.Count} numbers");

        Assert.Empty(await MistakesAsync([.. forms.Select(f => (f.Text, f.Region, (string?)f.E164))]));
    }

    [Fact]
    public async Task A_plain_check_of_E164_columns_holds_for_every_published_number()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        await connection.ExecuteAsync(@"CREATE TABLE contact (phone text NOT NULL CHECK (phone ~ '^\+[1-9]\d{1,14}$'))");
        var forms = PublishedNumber.All.SelectMany(n => n.Forms()).ToArray();

        var inserted = await connection.ExecuteAsync(
            "INSERT INTO contact SELECT public.normalize_phone(x, r) FROM unnest(@texts, @regions) AS t (x, r)",
            new { texts = forms.Select(f => f.Text).ToArray(), regions = forms.Select(f => f.Region).ToArray() },
            commandTimeout: 300);

        Assert.Equal(forms.Length, inserted);
    }

    [Fact]
    public async Task Numbers_beside_the_published_ones_come_back_from_their_written_forms_too()
    {
        var random = new Random(TestSeed.Next(output));
        var forms = PublishedNumber.All
            .Select(n => n.WithOtherEnd($"{random.Next(1000):000}"))
            .SelectMany(n => n.Forms().Select(f => ((string?)f.Text, (string?)f.Region, (string?)n.E164)))
            .Where(_ => random.Next(4) == 0);

        Assert.Empty(await MistakesAsync([.. forms]));
    }

    [Fact]
    public async Task No_number_that_is_too_short_or_too_long_or_of_a_length_between_is_accepted()
    {
        var random = new Random(TestSeed.Next(output));
        var impossible =
            from number in PublishedNumber.All
            from length in Enumerable.Range(1, LongestNumber - number.CallingCode.Length)
            where !PublishedNumber.Lengths[number.CallingCode].Contains(length) && !IsAmbiguous(number, length)
            let national = Resize(number.NationalNumber, length, random)
            from text in (string[])[
                $"+{number.CallingCode}{national}",
                $"+{number.CallingCode} ({national[..1]}) {national[1..]}",
                $"00{number.CallingCode}-{national} x7"]
            select (Text: (string?)text, Region: (string?)"DE", E164: (string?)null);

        Assert.Empty(await MistakesAsync([.. impossible]));
    }

    [Fact]
    public async Task No_calling_code_that_is_not_in_use_is_accepted()
    {
        var random = new Random(TestSeed.Next(output));
        var unused = Enumerable.Range(0, 1000)
            .Select(code => $"{code:000}")
            .Where(code => !PublishedNumber.Lengths.Keys.Any(used => code.StartsWith(used, StringComparison.Ordinal)))
            .ToArray();
        var numbers =
            from code in unused
            from length in Enumerable.Range(4, 12)
            let national = Resize("2", length, random)
            from form in (string[])[$"+{code}{national}", $"+{code} {national[..2]} {national[2..]}", $"tel:+{code}-{national}"]
            select (Text: (string?)form, Region: (string?)null, E164: (string?)null);

        Assert.Contains("999", unused);
        Assert.Empty(await MistakesAsync([.. numbers]));
    }

    /// <summary>
    /// What is too long by its first digits is read without them, and rightly, where they may be the trunk prefix of the region. Two
    /// regions have one that their national forms do not show (Gabon's is optional, Lithuania's old), and two are known to write
    /// local numbers without the area code. libphonenumber reads all of these so.
    /// </summary>
    private static bool IsAmbiguous(PublishedNumber number, int length) =>
        _trunkPrefixes.Contains((number.CallingCode, number.NationalNumber[0]))
        || (number.CallingCode, number.NationalNumber[0]) is ("241", '0') or ("370", '8')
        || (number.CallingCode, length) is ("261", 7) or ("672", 5);

    private static string Resize(string digits, int length, Random random) =>
        digits.Length >= length
            ? digits[..length]
            : digits + string.Concat(Enumerable.Range(digits.Length, length - digits.Length).Select(_ => random.Next(10)));

    /// <summary>Where SQL or C# gives anything else than what is expected.</summary>
    private static async Task<IReadOnlyList<string>> MistakesAsync((string? Text, string? Region, string? E164)[] cases)
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        var sql = await PhoneDatabase.NormalizeAsync(connection, [.. cases.Select(c => (c.Text, c.Region))]);
        return
        [
            .. cases
                .Zip(sql, (c, inSql) => (Case: c, InSql: inSql, InCSharp: PhoneNumber.Normalize(c.Text, c.Region)))
                .Where(r => r.InSql != r.Case.E164 || r.InCSharp != r.Case.E164)
                .Select(r => $"'{r.Case.Text}' in {r.Case.Region}: {r.Case.E164 ?? "none"} expected, SQL {r.InSql}, C# {r.InCSharp}")
                .Take(50),
        ];
    }
}
