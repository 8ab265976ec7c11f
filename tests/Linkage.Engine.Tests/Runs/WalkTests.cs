using Dapper;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Runs;

/// <summary>A run reads the table once, by position, while the application works on it.</summary>
public sealed class WalkTests(ITestOutputHelper output)
{
    [Fact]
    public async Task An_empty_table_is_a_completed_run()
    {
        await using var scene = await RunScene.CreateAsync(0);

        var result = await scene.BackfillAsync();

        Assert.Equal(("completed", 0), (result.Status, result.Count("processed")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Every_candidate_is_examined_once_whether_the_planner_knows_the_table_or_not(bool isAnalyzed)
    {
        await using var scene = await RunScene.CreateAsync(6000, isAnalyzed);
        var batches = 0;

        var result = await scene.BackfillAsync(RunScene.Options(1000), _ => batches++);

        Assert.Equal(6000, result.Count("processed"));
        // A table of which nothing is known is read in smaller pieces, since its pages may be full of narrow rows.
        Assert.InRange(batches, 6, isAnalyzed ? 12 : 200);
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    // Only the catalog is made to tell so: a table of a hundred million rows.
    [Theory]
    [InlineData(3_000_000, 300_000_000f, 5000)]
    [InlineData(3_000_000, 0f, 5000)]
    [InlineData(0, 0f, int.MaxValue)]
    [InlineData(2_000_000_000, 1e10f, int.MaxValue)]
    public async Task Large_tables_and_batches_overflow_nothing(int pages, float rows, int batchSize)
    {
        await using var scene = await RunScene.CreateAsync(500);
        await scene.Database.ExecuteAsync(
            "UPDATE pg_class SET relpages = @pages, reltuples = @rows WHERE oid = 'message_deliveries'::regclass", new { pages, rows });

        var result = await scene.BackfillAsync(RunScene.Options(batchSize));

        Assert.Equal(500, result.Count("processed"));
    }

    [Fact]
    public async Task Candidates_far_apart_are_all_found()
    {
        await using var scene = await RunScene.CreateAsync(20_000);
        await scene.Database.ExecuteAsync(
            """
            SET session_replication_role = replica;
            UPDATE message_deliveries d SET user_id = (SELECT id FROM users LIMIT 1) WHERE hashtext(id::text) % 2000 <> 0;
            RESET session_replication_role;
            """);
        await scene.Database.ExecuteAsync("VACUUM FULL ANALYZE message_deliveries");
        var expected = await scene.CandidatesAsync();

        var result = await scene.BackfillAsync(RunScene.Options(3));

        Assert.InRange(expected, 1, 100);
        Assert.Equal(expected, result.Count("processed"));
    }

    [Fact]
    public async Task Rows_that_move_ahead_of_the_walk_are_not_examined_again()
    {
        await using var scene = await RunScene.CreateAsync(3000);

        var result = await scene.BackfillAsync(
            progress: Once(progress => progress.Done > 500, () => scene.Database.Connection.Execute(
                """
                SET session_replication_role = replica;
                UPDATE message_deliveries SET status = 'moved';
                RESET session_replication_role;
                """)));

        Assert.Equal(3000, result.Count("processed"));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Theory]
    [InlineData("VACUUM FULL message_deliveries")]
    [InlineData("CLUSTER message_deliveries USING message_deliveries_pkey")]
    [InlineData("UPDATE message_deliveries SET status = 'moved'; VACUUM FULL message_deliveries")]
    [InlineData("ALTER TABLE message_deliveries ALTER COLUMN status TYPE varchar(50) USING status || '!'")]
    [InlineData("VACUUM FREEZE message_deliveries")]
    [InlineData("DELETE FROM message_deliveries WHERE hashtext(id::text) % 2 = 0; VACUUM message_deliveries")]
    public async Task Whatever_rewrites_the_table_no_row_is_missed_and_none_examined_twice(string change)
    {
        await using var scene = await RunScene.CreateAsync(3000);

        var result = await scene.BackfillAsync(progress: Once(progress => progress.Done > 900, () =>
        {
            foreach (var statement in change.Split(';'))
                scene.Database.Connection.Execute(statement);
        }));

        Assert.Equal("completed", result.Status);
        await scene.AssertAllLinkedAsync();
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM (SELECT FROM user_link_audit GROUP BY run_id, record_id HAVING count(*) > 1) AS twice"));
        Assert.Equal(
            await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries"),
            await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries d JOIN user_link_audit a ON a.record_id = d.id"));
    }

    [Fact]
    public async Task A_table_that_is_frozen_before_the_run_is_walked_once()
    {
        await using var scene = await RunScene.CreateAsync(2000);
        await scene.Database.ExecuteAsync("VACUUM (FREEZE) message_deliveries");

        Assert.Equal(2000, (await scene.BackfillAsync()).Count("processed"));
    }

    [Fact]
    public async Task Rows_of_a_transaction_that_was_under_way_at_the_start_are_not_missed()
    {
        await using var scene = await RunScene.CreateAsync(2000);
        await using var writer = await scene.Database.OpenAsync();
        await using var writing = await writer.BeginTransactionAsync();
        // Moves them to the end of the table, behind the bound that the run will have.
        await writer.ExecuteAsync(
            """
            UPDATE message_deliveries SET status = 'moved'
            WHERE hashtext(id::text) % 3 = 0 AND guest_id IN (SELECT id FROM event_guests WHERE user_id IS NULL)
            """);

        var result = await scene.BackfillAsync(progress: Once(progress => progress.Done > 0, writing.Commit));

        Assert.Equal("completed", result.Status);
        Assert.Equal(
            2000,
            await scene.Database.ScalarAsync<long>(
                "SELECT count(DISTINCT record_id) FROM user_link_audit WHERE run_id = @run", new { run = result.RunId }));
    }

    [Fact]
    public async Task A_run_ends_under_constant_inserts()
    {
        await using var scene = await RunScene.CreateAsync(2000);

        var result = await scene.BackfillAsync(progress: _ => scene.Database.Connection.Execute(
            """
            SET session_replication_role = replica;
            INSERT INTO message_deliveries (guest_id) SELECT guest_id FROM message_deliveries LIMIT 50;
            RESET session_replication_role;
            """));

        Assert.Equal("completed", result.Status);
        await scene.AssertSoundAsync();
    }

    [Fact]
    public async Task A_preview_ends_under_constant_inserts_too()
    {
        await using var scene = await RunScene.CreateAsync(2000);

        var result = await scene.BackfillAsync(
            RunScene.Options() with { Mode = RunMode.Preview },
            _ => scene.Database.Connection.Execute(
                """
                SET session_replication_role = replica;
                INSERT INTO message_deliveries (guest_id) SELECT guest_id FROM message_deliveries LIMIT 50;
                RESET session_replication_role;
                """));

        Assert.InRange(result.Count("processed"), 2000, 2100);
    }

    [Theory]
    [InlineData(RunKey.Uuid)]
    [InlineData(RunKey.Partitioned)]
    public async Task A_preview_tells_how_far_it_is_by_position_and_by_key(RunKey key)
    {
        await using var scene = await KeyedScene.CreateAsync(key);
        await scene.FillAsync(2000);
        await scene.ExecuteAsync("ANALYZE message_deliveries");
        await using var engine = await scene.OpenAsync();
        var shares = new List<double?>();

        await new UserLinkBackfill(engine).RunAsync(
            "message_deliveries", RunScene.Options() with { Mode = RunMode.Preview }, told => shares.Add(told.Share), CancellationToken.None);

        Assert.All(shares, share => Assert.InRange(share ?? -1, 0, 1));
        Assert.Contains(shares, share => share is > 0.2 and < 0.8);
    }

    [Fact]
    public async Task While_the_application_writes_nothing_is_overwritten_and_no_constant_candidate_is_missed()
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        await using var scene = await RunScene.CreateAsync(5000);
        await scene.Database.ExecuteAsync(
            """
            CREATE TABLE touched (id uuid);
            -- what the application itself sets, and where
            CREATE TABLE own (id uuid PRIMARY KEY, user_id uuid);
            """);

        var result = await scene.BackfillAsync(RunScene.Options(80), _ => Disturb(scene.Database.Connection, random));

        Assert.Equal("completed", result.Status);
        await scene.AssertAllLinkedAsync();
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM own o JOIN message_deliveries d USING (id) WHERE d.user_id IS DISTINCT FROM o.user_id"));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM (SELECT FROM user_link_audit WHERE run_id IS NOT NULL GROUP BY run_id, record_id HAVING count(*) > 1) AS twice"));
        // Whatever the application did not link itself was examined by the run, or linked by a trigger meanwhile.
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            """
            SELECT count(*) FROM message_deliveries d
            WHERE d.id NOT IN (SELECT id FROM touched)
              AND NOT EXISTS (SELECT FROM own o WHERE o.id = d.id)
              AND NOT EXISTS (SELECT FROM user_link_audit a WHERE a.record_id = d.id AND (a.run_id IS NOT NULL OR a.outcome = 'linked'))
            """));
    }

    /// <summary>One thing that an application does, to rows anywhere in the table.</summary>
    private static void Disturb(NpgsqlConnection connection, Random random)
    {
        string[] some = [$"abs(hashtext(id::text)) % 97 = {random.Next(97)}", $"abs(hashtext(id::text)) % 11 = {random.Next(11)}"];
        var where = some[random.Next(2)];
        connection.Execute(random.Next(9) switch
        {
            0 => """
                 WITH n AS (INSERT INTO message_deliveries (guest_id) SELECT guest_id FROM message_deliveries LIMIT 40 RETURNING id)
                 INSERT INTO touched SELECT id FROM n
                 """,
            1 => $"UPDATE message_deliveries SET phone_number = '2125550001' WHERE {some[0]}",
            2 => $"DELETE FROM message_deliveries WHERE {some[0]} AND id NOT IN (SELECT id FROM own)",
            3 => $"""
                  WITH u AS (UPDATE message_deliveries SET user_id = (SELECT user_id FROM event_guests g WHERE g.user_id IS NOT NULL LIMIT 1)
                    WHERE user_id IS NULL AND {some[0]} RETURNING id, user_id)
                  INSERT INTO own SELECT id, user_id FROM u ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id
                  """,
            4 => $"UPDATE event_guests SET user_id = (SELECT id FROM users LIMIT 1) WHERE user_id IS NULL AND {some[0]}",
            5 => "VACUUM FULL message_deliveries",
            _ => $"UPDATE message_deliveries SET status = 'moved' WHERE {where}",
        });
    }

    /// <summary>Does something when the run has got so far, once.</summary>
    private static Action<RunProgress> Once(Func<RunProgress, bool> when, Action action)
    {
        var done = false;
        return progress =>
        {
            if (done || !when(progress))
                return;
            done = true;
            action();
        };
    }
}
