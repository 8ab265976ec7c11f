using Linkage.Engine.Phones;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Phones;

/// <summary>The SQL function, and that it agrees with C# on every text.</summary>
public sealed class NormalizePhoneTests(ITestOutputHelper output)
{
    private const int Texts = 200_000;

    [Fact]
    public async Task Documented_forms_have_their_E164_form()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        var cases = PhoneCases.All.Select(c => ((string?)c[0], (string?)c[1], (string?)c[2])).ToArray();

        var actual = await PhoneDatabase.NormalizeAsync(connection, cases.Select(c => (c.Item1, c.Item2)).ToArray());

        Assert.Equal(cases.Select(c => $"{c.Item1} {c.Item2} {c.Item3}"), cases.Zip(actual, (c, a) => $"{c.Item1} {c.Item2} {a}"));
    }

    [Fact]
    public async Task SQL_and_CSharp_agree_on_random_texts_and_both_are_idempotent()
    {
        var texts = new PhoneTexts(TestSeed.Next(output));
        var inputs = Enumerable.Range(0, Texts).Select(_ => texts.Next()).Select(t => ((string?)t.Text, t.Region)).ToArray();
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);

        var inSql = PhoneDatabase.NormalizeAsync(connection, inputs);
        var parsed = inputs.Select(i => PhoneNumber.Parse(i.Item1, i.Region)).ToArray();
        var sql = await inSql;
        var extensions = await PhoneDatabase.MapAsync<string?>(connection, "linkage.phone_extension(x)", inputs[..(Texts / 4)]);
        var again = await PhoneDatabase.NormalizeAsync(connection, sql.Zip(inputs, (e164, input) => (e164, input.Region)).ToArray());

        Assert.Empty(inputs.Zip(sql, parsed).Where(t => t.Second != t.Third.E164).Take(20));
        Assert.Empty(inputs.Zip(extensions, parsed).Where(t => t.Second != t.Third.Extension).Take(20));
        Assert.All(parsed, p => Assert.Equal(p.E164 is null, p.Reason != PhoneReason.None));
        Assert.Empty(inputs.Zip(sql).Where(t => t.Second != PhoneNumber.Normalize(t.First.Item1, t.First.Region)).Take(20));
        Assert.Empty(inputs.Zip(sql, again).Where(t => t.Second != t.Third).Take(20));
        output.WriteLine($"{sql.Count(e164 => e164 is not null)} of {Texts} are possible");
        Assert.True(sql.Count(e164 => e164 is not null) > Texts / 5);
    }

    [Fact]
    public async Task SQL_and_CSharp_agree_on_every_single_character_in_a_number()
    {
        var characters = Enumerable.Range(1, 0x1FFFF).Where(c => c is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32);
        var inputs = characters.Select(c => ((string?)$"{c}872{c}5292147{c}", (string?)"US")).ToArray();
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);

        var sql = await PhoneDatabase.NormalizeAsync(connection, inputs);
        var trailing = await PhoneDatabase.NormalizeAsync(
            connection, inputs.Select(i => ((string?)("8725292147" + i.Item1![..^11]), i.Item2)).ToArray());

        Assert.Empty(inputs.Zip(sql).Where(t => t.Second != PhoneNumber.Normalize(t.First.Item1)).Take(20));
        Assert.Empty(inputs.Zip(trailing).Where(t => t.Second != PhoneNumber.Normalize("8725292147" + t.First.Item1![..^11])).Take(20));
    }

    [Fact]
    public async Task One_argument_means_US()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        var texts = new PhoneTexts(seed: 2);
        await using var command = new NpgsqlCommand(
            "SELECT count(*) FROM unnest($1::text[]) AS x WHERE normalize_phone(x) IS DISTINCT FROM normalize_phone(x, 'US')", connection);
        command.Parameters.Add(new() { Value = Enumerable.Range(0, 1000).Select(_ => texts.Next().Text).ToArray() });

        Assert.Equal(0L, await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task The_catalog_says_immutable_and_parallel_safe_and_no_argument_has_a_default()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        await using var command = new NpgsqlCommand(
            """
            SELECT string_agg(
              format('%s %s %s %s %s', proname, pronargs, provolatile, proparallel, pronargdefaults), ', ' ORDER BY proname, pronargs)
            FROM pg_proc
            WHERE pronamespace IN ('public'::regnamespace, 'linkage'::regnamespace)
            """,
            connection);

        Assert.Equal(
            "is_placeholder_phone 1 i s 0, normalize_phone 1 i s 0, normalize_phone 2 i s 0, phone_extension 1 i s 0",
            await command.ExecuteScalarAsync());
    }

    [Theory]
    [InlineData("SET search_path = pg_catalog")]
    [InlineData("SET search_path = ''")]
    [InlineData("SET search_path = hostile, pg_catalog")]
    [InlineData("SET standard_conforming_strings = off")]
    [InlineData("SET default_transaction_read_only = on")]
    public async Task Settings_of_the_session_do_not_matter(string setting)
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        await ExecuteAsync(connection, """
            CREATE SCHEMA hostile;
            CREATE FUNCTION hostile.wrong(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
            CREATE FUNCTION hostile.length(text) RETURNS integer LANGUAGE sql AS 'SELECT 0';
            CREATE FUNCTION hostile.translate(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
            CREATE OPERATOR hostile.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.wrong);
            CREATE OPERATOR hostile.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.wrong);
            CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.wrong);
            CREATE DOMAIN hostile.text AS integer;
            """);
        await ExecuteAsync(connection, setting);
        var cases = PhoneCases.All.Select(c => ((string?)c[0], (string?)c[1], (string?)c[2])).ToArray();

        var actual = await PhoneDatabase.NormalizeAsync(connection, cases.Select(c => (c.Item1, c.Item2)).ToArray());

        var isPlaceholder = await PhoneDatabase.MapAsync<bool>(
            connection, "COALESCE(linkage.is_placeholder_phone(x), false)", [.. cases.Select(c => (c.Item3, (string?)null))]);
        var extensions = await PhoneDatabase.MapAsync<string?>(
            connection, "linkage.phone_extension(x)", [.. cases.Select(c => (c.Item1, c.Item2))]);

        Assert.Equal(cases.Select(c => c.Item3), actual);
        Assert.Equal(cases.Select(c => PhoneNumber.IsPlaceholder(c.Item3)), isPlaceholder);
        Assert.Equal(cases.Select(c => PhoneNumber.Parse(c.Item1, c.Item2).Extension), extensions);
    }

    [Fact]
    public async Task An_index_on_it_serves_both_forms_and_survives_analyze_and_dump_settings()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        await ExecuteAsync(connection, """
            CREATE TABLE t AS SELECT '(872) 529-' || lpad(i::text, 4, '0') AS phone FROM generate_series(0, 9999) AS i;
            SET search_path = pg_catalog;
            CREATE INDEX ON public.t (public.normalize_phone(phone));
            ANALYZE public.t;
            RESET search_path;
            """);

        foreach (var call in (string[])["normalize_phone(phone)", "normalize_phone(phone, 'US')"])
        {
            var plan = await PlanAsync(connection, $"SELECT * FROM t WHERE {call} = '+18725292147'");
            Assert.Contains("Index", plan, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_nondeterministic_collation_is_no_obstacle()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await PhoneDatabase.ConnectAsync(database);
        await ExecuteAsync(connection, "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
        await using var command = new NpgsqlCommand(
            """
            SELECT string_agg(concat_ws(' ', normalize_phone(x COLLATE loose, 'us' COLLATE loose), linkage.phone_extension(x COLLATE loose),
              linkage.is_placeholder_phone(normalize_phone(x) COLLATE loose)), ', ')
            FROM unnest(ARRAY['(872) 529-2147', '872-529-2147 x5', '+44 (0)20 7946 0958']) AS x
            """,
            connection);

        Assert.Equal("+18725292147 f, +18725292147 5 f, +442079460958 f", await command.ExecuteScalarAsync());
    }

    [Fact]
    public void The_scripts_leave_no_token_but_the_schema() =>
        Assert.All(
            PhoneFunction.Templates(),
            template => Assert.DoesNotContain(
                "{{", PhoneSql.Render(template).Replace("{{app}}", "", StringComparison.Ordinal), StringComparison.Ordinal));

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<string> PlanAsync(NpgsqlConnection connection, string query)
    {
        await using var command = new NpgsqlCommand($"EXPLAIN {query}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var plan = new List<string>();
        while (await reader.ReadAsync())
            plan.Add(reader.GetString(0));
        return string.Join('\n', plan);
    }
}
