using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>The list of duplicates beside what a plain GROUP BY finds, and what becomes of a list whose rows have changed.</summary>
/// <param name="output">Gets the seeds.</param>
public sealed class DuplicateListTests(ITestOutputHelper output)
{
    private static readonly UniqueKeyRequest _rule = new()
    {
        Name = "item_idx", Table = "item", Keys = ["code"], Keep = ["rank DESC NULLS LAST"],
    };

    [SkippableTheory]
    [InlineData("text", "(ARRAY['a', 'A', 'b', '', 'ß', 'a '])[n]")]
    [InlineData("varchar(9)", "(ARRAY['a', 'A', 'b', '', 'ß', 'a '])[n]")]
    [InlineData("caseless", "(ARRAY['a', 'A', 'b', 'B', 'ß', 'c'])[n]")]
    [InlineData("short", "(ARRAY['a', 'A', 'b', '', 'ß', 'a '])[n]")]
    [InlineData("numeric", "(ARRAY[1.0, 1.00, 1, 2, -0.0, 0])[n]")]
    [InlineData("double precision", "(ARRAY['-0', '0', 'NaN', 'NaN', '1', '1e0'])[n]")]
    [InlineData("timestamptz", "(ARRAY['2026-01-01 12:00+00', '2026-01-01 13:00+01', '-infinity', '2026-01-02+00', '2026-01-03+00', '2026-01-04+00'])[n]")]
    [InlineData("integer[]", "(ARRAY['{}', '{1}', '{1,NULL}', '[0:0]={1}', '{NULL}', '{2}'])[n]")]
    [InlineData("jsonb", "(ARRAY['1', '1.0', 'null', '{\"a\": 1}', '{ \"a\":1 }', '[]'])[n]")]
    // a type that sorts and has no hash
    [InlineData("bit(3)", "(ARRAY['000', '001', '010', '011', '100', '101'])[n]")]
    public async Task It_holds_the_groups_that_GROUP_BY_finds_in_their_order_whatever_the_type(string type, string value)
    {
        await using var scene = await RemovalScene.CreateAsync("");
        Skip.If(
            type == "caseless" && !await scene.Database.ScalarAsync<bool>("SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')"),
            "The server is built without ICU.");
        var random = TestSeed.Next(output) / (double)int.MaxValue;
        await scene.Database.ExecuteAsync(
            $"""
            {(type == "caseless"
                ? "CREATE COLLATION caseless_order (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE DOMAIN caseless AS text COLLATE caseless_order;"
                : "CREATE DOMAIN short AS varchar(5);")}
            CREATE TABLE item (id integer PRIMARY KEY, code {type}, part integer, rank integer);
            SELECT setseed({random.ToString(System.Globalization.CultureInfo.InvariantCulture)});
            INSERT INTO item
            SELECT i, {value}::text::{type}, NULLIF(floor(random() * 5)::integer, 0), NULLIF(floor(random() * 4)::integer, 0)
            FROM (SELECT i, nullif(floor(random() * 7)::integer, 0) AS n FROM generate_series(1, 60) AS i) AS s
            """);

        foreach (var rule in new[] { _rule, _rule with { Name = "part_idx", Keys = ["code", "part"], Predicate = "id > 5" } })
        {
            await KeyScene.RegisterAsync(scene.Database, rule);
            Assert.Equal(await GroupsAsync(scene, rule, areNullsEqual: false), await FoundAsync(scene, rule));
            if (scene.Database.Connection.PostgreSqlVersion.Major < 15)
                continue;
            var equal = rule with { Name = $"equal_{rule.Name}", NullsDistinct = false };
            await KeyScene.RegisterAsync(scene.Database, equal);
            Assert.Equal(await GroupsAsync(scene, equal, areNullsEqual: true), await FoundAsync(scene, equal));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" PARTITION BY HASH (id)")]
    public async Task Rows_that_changed_since_are_looked_at_again(string partitioned)
    {
        await using var scene = await RemovalScene.CreateAsync(
            $"""
            CREATE TABLE item (id integer PRIMARY KEY, code text, rank integer, text text){partitioned};
            {(partitioned.Length > 0 ? "CREATE TABLE item_0 PARTITION OF item FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE item_1 PARTITION OF item FOR VALUES WITH (MODULUS 2, REMAINDER 1);" : "")}
            CREATE TABLE part (id integer PRIMARY KEY, item_id integer REFERENCES item);
            INSERT INTO item SELECT i, 'c' || i % 10, i FROM generate_series(1, 30) AS i;
            INSERT INTO part SELECT i, i FROM generate_series(1, 30) AS i
            """,
            _rule);
        // The list is made, and nothing is done yet.
        var stopped = await scene.RemoveAsync(_rule.Name, new RunOptions { Settings = new RunSettings { MaxDuration = TimeSpan.FromTicks(1) } });
        Assert.Equal(("stopped", 0), (stopped.Status, stopped.Count("removed")));
        await scene.Database.ExecuteAsync(
            """
            UPDATE item SET rank = 99 WHERE id = 1;               -- of 1, 11 and 21: stays now
            UPDATE item SET code = 'd' || id WHERE id IN (2, 22); -- of 2, 12 and 22: no two are left
            UPDATE part SET item_id = 13 WHERE item_id = 23;
            DELETE FROM item WHERE id = 23;                       -- of 3, 13 and 23: 13 stays now
            UPDATE item SET text = 'new' WHERE id = 4;            -- of 4, 14 and 24: as before
            INSERT INTO item VALUES (106, 'c6', 106)              -- of 6, 16 and 26: came since, is not this run's
            """);
        await scene.Database.ExecuteAsync("BEGIN; UPDATE item SET rank = 0 WHERE code = 'c7'; ROLLBACK");
        await using (var writer = await scene.Database.OpenAsync())
        {
            // not committed when the list is read, committed while its row is waited for
            await writer.ExecuteAsync("BEGIN; UPDATE item SET rank = 100 WHERE id = 8");
            var resumed = new RunEngine(scene.Database.Engine).ResumeAsync(
                stopped.RunId!.Value, RemovalScene.Options(batchSize: 3) with { Settings = new RunSettings() }, _ => { }, CancellationToken.None);
            await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = current_database() AND a.wait_event_type = 'Lock')"));
            await writer.ExecuteAsync("COMMIT");
            var run = await resumed;
            Assert.Equal(("completed", 0), (run.Status, run.Count("failed")));
        }

        Assert.Equal(
            [1, 2, 8, 12, 13, 22, 24, 25, 26, 27, 29, 30, 106], await scene.Database.QueryAsync<int>("SELECT id FROM item ORDER BY id"));
        Assert.Equal(
            [1, 2, 8, 12, 13, 22, 24, 25, 26, 27, 29, 30], await scene.Database.QueryAsync<int>("SELECT DISTINCT item_id FROM part ORDER BY 1"));
        Assert.Equal(30, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM part"));
    }

    [Fact]
    public async Task Keys_are_found_again_whatever_the_style_of_the_session_that_listed_them()
    {
        await using var scene = await RemovalScene.CreateAsync(
            """
            CREATE TABLE item (id interval PRIMARY KEY, code text, rank integer);
            INSERT INTO item SELECT make_interval(days => -i, hours => -i), 'c' || i % 2, i FROM generate_series(1, 6) AS i;
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET IntervalStyle = sql_standard', current_database()); END $$
            """,
            _rule);
        await using var session = await LinkageDatabase.OpenAsync(
            new NpgsqlConnectionStringBuilder(scene.Database.ConnectionString) { Pooling = false }.ConnectionString, CancellationToken.None);

        var preview = await new DuplicateRemoval(session).RunAsync(
            _rule.Name, RemovalScene.Options(RunMode.Preview), _ => { }, CancellationToken.None);

        Assert.Equal(4, preview.Count("removed"));
    }

    /// <summary>The groups that are found, each as its rows' ids.</summary>
    private static async Task<IReadOnlyList<string>> FoundAsync(RemovalScene scene, UniqueKeyRequest rule) =>
        [.. (await scene.FindAsync(rule.Name)).Select(group => string.Join(' ', ((string[])[group.Survivor, .. group.Duplicates])
            .Select(key => System.Text.Json.JsonDocument.Parse(key).RootElement.GetProperty("id").GetString())))];

    /// <summary>The same as a plain statement has it.</summary>
    private static Task<IReadOnlyList<string>> GroupsAsync(RemovalScene scene, UniqueKeyRequest rule, bool areNullsEqual)
    {
        var keys = string.Join(", ", rule.Keys);
        return scene.Database.QueryAsync<string>(
            $"""
            SELECT string_agg(id::text, ' ' ORDER BY rank DESC NULLS LAST, id)
            FROM item
            WHERE {rule.Predicate ?? "true"} AND {(areNullsEqual ? "true" : string.Join(" AND ", rule.Keys.Select(key => $"{key} IS NOT NULL")))}
            GROUP BY {keys}
            HAVING count(*) > 1
            ORDER BY {keys}
            """);
    }
}
