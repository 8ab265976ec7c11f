using Dapper;
using Linkage.Engine.Runs;
using Linkage.Engine.Tests.Runs;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>A repair that is killed or interfered with: each profile has its one row in the log, and nobody's own profile is touched.</summary>
public sealed class GhostUserRepairCrashTests(ITestOutputHelper output)
{
    private const int Ghosts = 4000;
    private const int BatchSize = 40;

    [Fact]
    public async Task A_killed_client_leaves_whole_batches_and_the_run_goes_on_to_its_end()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        var run = await KillAsync(scene, random);
        await AssertSoundAsync(scene);
        var before = await scene.Database.ScalarAsync<long>("SELECT count(*) FROM users");

        var result = await new RunEngine(scene.Database.Engine).ResumeAsync(run, Options(), _ => { }, CancellationToken.None);

        output.WriteLine($"{before} profiles when it was killed");
        Assert.Equal((run, "completed", Ghosts, Ghosts), (result.RunId, result.Status, result.Count("processed"), result.Count("repaired")));
        await AssertSoundAsync(scene);
        Assert.Empty(await scene.FindGhostsAsync());
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.ghost_user_item"));
    }

    [Fact]
    public async Task What_a_killed_client_left_is_undone_exactly_or_finished_by_the_next_run()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        var run = await KillAsync(scene, random);
        var repaired = await scene.Database.ScalarAsync<long>("SELECT count(*) FROM users");

        var undo = await new RunUndo(scene.Database.Engine).UndoAsync(run, false, Options(), _ => { }, CancellationToken.None);

        Assert.Equal((repaired, 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Empty(await scene.RowsAsync());
        await AssertSoundAsync(scene);
        Assert.Equal(Ghosts, (await scene.RepairAsync(options: Options())).Count("repaired"));
        await AssertSoundAsync(scene);
    }

    [Fact]
    public async Task A_killed_undo_goes_on_where_it_was()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        var repair = await scene.RepairAsync();
        var undo = await KillAsync(scene, random, "undo", repair.RunId!.Value);
        await AssertSoundAsync(scene);

        var result = await new RunUndo(scene.Database.Engine).UndoAsync(
            repair.RunId.Value, false, Options(), _ => { }, CancellationToken.None);

        Assert.Equal((undo, "completed", Ghosts), (result.RunId, result.Status, result.Count("rolled_back")));
        Assert.Empty(await scene.RowsAsync());
        await AssertSoundAsync(scene);
    }

    [Fact]
    public async Task A_run_whose_backends_are_terminated_goes_on()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        await using var killer = await scene.Database.OpenAsync();
        var kills = 0;

        var result = await UserSyncScene.RepairAsync(scene.Database.Engine, null, Options(), _ =>
        {
            if (kills < 8 && random.Next(4) == 0)
            {
                kills += killer.ExecuteScalar<int>(
                    """
                    SELECT count(pg_terminate_backend(pid))::integer
                    FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND state <> 'idle' AND pid <> pg_backend_pid()
                    """);
            }
        });

        output.WriteLine($"{kills} backends terminated");
        Assert.Equal(("completed", Ghosts), (result.Status, result.Count("repaired")));
        await AssertSoundAsync(scene);
    }

    [Fact]
    public async Task A_cancelled_run_leaves_whole_batches_and_can_be_resumed()
    {
        await using var scene = await FilledAsync();
        using var cancellation = new CancellationTokenSource();
        var batches = 0;
        Guid run = default;

        var cancelled = UserSyncScene.RepairAsync(scene.Database.Engine, null, Options(), told =>
        {
            run = told.RunId!.Value;
            if (++batches == 10)
                cancellation.Cancel();
        }, cancellation.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await AssertSoundAsync(scene);
        var result = await new RunEngine(scene.Database.Engine).ResumeAsync(run, Options(), _ => { }, CancellationToken.None);

        Assert.Equal(("completed", Ghosts), (result.Status, result.Count("repaired")));
        await AssertSoundAsync(scene);
    }

    [Fact]
    public async Task Two_repairs_at_once_make_each_profile_once()
    {
        await using var scene = await FilledAsync();
        var all = await scene.Database.QueryAsync<string>("SELECT id::text FROM auth.users");
        var patient = Options() with { TargetWait = TimeSpan.FromMinutes(1) };

        var results = await Task.WhenAll(scene.RepairAsync([.. all], patient), scene.RepairAsync([.. all], patient));

        Assert.Equal(Ghosts, results.Sum(result => result.Count("repaired")));
        Assert.Equal(Ghosts, results.Sum(result => result.Count("skipped")));
        Assert.Equal(0, results.Sum(result => result.Count("failed") + result.Count("failed_accounts")));
        await AssertSoundAsync(scene);
    }

    [Theory]
    [InlineData("minimal")]
    [InlineData("name required, e-mail unique, no foreign key")]
    public async Task An_account_that_is_being_deleted_gets_no_profile(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        var ghosts = await scene.GhostsAsync(3);
        await using var application = await scene.Database.OpenAsync();
        await using var transaction = await application.BeginTransactionAsync();
        await application.ExecuteAsync("DELETE FROM auth.users WHERE id = @Id::uuid", new { ghosts[1].Id });

        var repairing = scene.RepairAsync(options: Options() with { LockTimeout = TimeSpan.FromMinutes(1) });
        if (scene.Shape == ProfileShape.Minimal)
        {
            await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
                """
                SELECT EXISTS (
                  SELECT FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')
                """));
            await transaction.CommitAsync();
            var result = await repairing;

            Assert.Equal((2, 1, 0), (result.Count("repaired"), result.Count("skipped"), result.Count("failed") + result.Count("failed_accounts")));
            await scene.AssertProfilesAsync(ghosts[0], ghosts[2]);
        }
        else
        {
            // Nothing in the table says that there must be an account: the profile is an orphan then, and reported.
            Assert.Equal(3, (await repairing).Count("repaired"));
            await transaction.CommitAsync();
            Assert.Equal(ghosts[1].Id, Assert.Single(await scene.FindOrphansAsync()).ProfileId);
        }
    }

    [Fact]
    public async Task While_people_sign_up_and_the_application_makes_profiles_itself_nobody_has_two_and_nothing_is_overwritten()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        using var done = new CancellationTokenSource();
        var application = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => WriteAsync(scene, new Random(random.Next()), done.Token)));

        var result = await scene.RepairAsync(options: Options(20));
        await done.CancelAsync();
        var writes = await application;

        output.WriteLine($"{writes.Sum()} writes; {result.Count("repaired")} repaired, {result.Count("skipped")} skipped");
        Assert.Equal("completed", result.Status);
        // Failed is who had a profile when it was to be written, and had none any more when that was looked into.
        Assert.Equal(result.Count("processed"), result.Count("repaired") + result.Count("skipped") + result.Count("failed_accounts"));
        Assert.InRange(result.Count("failed_accounts"), 0, 20);
        Assert.True(result.Count("repaired") > 0);
        await AssertSoundAsync(scene);
        // Whoever is a ghost again had a profile that the application deleted.
        await scene.RepairAsync();
        Assert.Empty(await scene.FindGhostsAsync());
        const string Own = "SELECT u::text FROM users u WHERE u.phone = 'own' ORDER BY u.id";
        var own = await scene.Database.QueryAsync<string>(Own);
        var undo = await scene.UndoAsync(result);
        Assert.Equal(
            result.Count("repaired"), undo.Count("rolled_back") + undo.Count("unchanged") + undo.Count("conflicts"));
        Assert.Equal(own, await scene.Database.QueryAsync<string>(Own));
        await AssertSoundAsync(scene);
    }

    /// <summary>The application, until the end: signs people up, makes profiles of ghosts, changes and deletes some.</summary>
    private static async Task<int> WriteAsync(UserSyncScene scene, Random random, CancellationToken end)
    {
        string[] writes =
        [
            """
            INSERT INTO auth.users (id, email, raw_user_meta_data, created_at, updated_at)
            VALUES (gen_random_uuid(), gen_random_uuid() || '@example.com', '{}', now(), now())
            """,
            """
            INSERT INTO users (id, name, email, phone)
            SELECT a.id, 'own', a.email, 'own' FROM auth.users a
            WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = a.id) OFFSET @row LIMIT 1
            ON CONFLICT DO NOTHING
            """,
            "UPDATE users SET name = 'own', phone = 'own' WHERE id = (SELECT id FROM users OFFSET @row LIMIT 1)",
            "DELETE FROM users WHERE id = (SELECT id FROM users WHERE phone = 'own' OFFSET @row LIMIT 1)",
        ];
        await using var connection = await scene.Database.OpenAsync();
        var count = 0;
        while (!end.IsCancellationRequested)
        {
            try
            {
                await connection.ExecuteAsync(writes[random.Next(writes.Length)], new { row = random.Next(300) });
                count++;
            }
            catch (PostgresException fault) when (fault.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
                // The batch gives way first, as a rule; an application tries again.
            }
        }

        return count;
    }

    private static async Task<UserSyncScene> FilledAsync()
    {
        var scene = await UserSyncScene.CreateAsync();
        await scene.GhostsAsync(Ghosts);
        await scene.Database.ExecuteAsync("ANALYZE auth.users, linkage.run");
        return scene;
    }

    private static RunOptions Options(int batchSize = BatchSize) => new() { BatchSize = batchSize, TargetWait = TimeSpan.Zero };

    private static async Task<Guid> KillAsync(UserSyncScene scene, Random random, string work = "ghosts", Guid run = default)
    {
        var killed = await KilledBackfill.KillAsync(
            scene.Database.ConnectionString, BatchSize, random.Next(2, 25), random.Next(2_000_000), work: work, run: run);
        await Poll.UntilAsync(async () =>
            (await new RunLog(scene.Database.Engine).GetAsync(killed, CancellationToken.None)).Status == "interrupted");
        return killed;
    }

    /// <summary>
    /// No run logged an account twice; what runs counted is what they logged; every profile that the application did not make is in the log.
    /// </summary>
    private static async Task AssertSoundAsync(UserSyncScene scene)
    {
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM (SELECT FROM cleanup_audit_log WHERE run_id IS NOT NULL GROUP BY run_id, record_id HAVING count(*) > 1) AS twice"));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            """
            SELECT count(*)
            FROM linkage.run r
            LEFT JOIN (
              SELECT run_id, count(*) AS processed, count(*) FILTER (WHERE outcome IN ('repaired', 'removed', 'restored')) AS done
              FROM cleanup_audit_log GROUP BY 1
            ) AS l ON l.run_id = r.id
            WHERE (COALESCE((r.counts ->> 'processed')::bigint, 0),
                   COALESCE((r.counts ->> 'repaired')::bigint, (r.counts ->> 'rolled_back')::bigint, 0))
              <> (COALESCE(l.processed, 0), COALESCE(l.done, 0))
            """));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            """
            SELECT count(*)
            FROM users u
            JOIN auth.users a ON a.id = u.id AND a.created_at < '2024-06-01'
            LEFT JOIN (
              SELECT record_id, sum(CASE outcome WHEN 'removed' THEN -1 WHEN 'repaired' THEN 1 WHEN 'restored' THEN 1 ELSE 0 END) AS profiles
              FROM cleanup_audit_log WHERE NOT dry_run GROUP BY 1
            ) AS l ON l.record_id = u.id::text
            WHERE u.phone IS NULL AND COALESCE(l.profiles, 0) < 1
            """));
    }
}
