using System.Globalization;
using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>Rows that fail are isolated and reported, what is wrong with more than a row ends the run, and either can be mended and resumed.</summary>
public sealed class RunFaultTests
{
    private const int Deliveries = 600;

    /// <summary>Rows that the application does not let be linked, and how it says so.</summary>
    public static TheoryData<string, string> Refusals => new()
    {
        {
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON message_deliveries FOR EACH ROW WHEN (NEW.status = 'poison') EXECUTE FUNCTION refuse();
            """,
            "P0001"
        },
        { "ALTER TABLE message_deliveries ADD CONSTRAINT refuse CHECK (status <> 'poison' OR user_id IS NULL)", "23514" },
        {
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM NEW.status::integer; RETURN NULL; END $$;
            CREATE TRIGGER refuse AFTER UPDATE ON message_deliveries FOR EACH ROW WHEN (NEW.status = 'poison') EXECUTE FUNCTION refuse();
            """,
            "22P02"
        },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Rows_that_fail_are_reported_and_all_others_linked(string refusal, string sqlState)
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var poisoned = await PoisonAsync(scene, 5);
        await scene.Database.ExecuteAsync(refusal);

        var result = await scene.BackfillAsync(RunScene.Options(80));

        Assert.Equal(("completed", Deliveries, 5, 5), (result.Status, result.Count("processed"), result.Count("failed"), result.Count("skipped")));
        Assert.Equal(poisoned, await FaultsAsync(scene, result.RunId!.Value, sqlState));
        Assert.Equal(poisoned, await SkippedAsync(scene, "skipped", $"error {sqlState}: %"));
        Assert.Contains(sqlState, result.Message, StringComparison.Ordinal);
        Assert.Contains("5", result.Message, StringComparison.Ordinal);
        await scene.AssertSoundAsync();
        await AssertOthersLinkedAsync(scene);
    }

    [Fact]
    public async Task A_row_that_somebody_holds_for_long_is_reported_and_linked_by_the_next_run()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var held = await PoisonAsync(scene, 1);
        await using var holder = await scene.Database.OpenAsync();
        await using var holding = await holder.BeginTransactionAsync();
        await holder.ExecuteAsync("SELECT FROM message_deliveries WHERE status = 'poison' FOR UPDATE");

        var result = await scene.BackfillAsync(RunScene.Options(80) with { LockTimeout = TimeSpan.FromMilliseconds(20) });

        Assert.Equal(("completed", Deliveries, 1), (result.Status, result.Count("processed"), result.Count("failed")));
        Assert.Equal(held, await FaultsAsync(scene, result.RunId!.Value, PostgresErrorCodes.LockNotAvailable));
        await scene.AssertSoundAsync();
        await AssertOthersLinkedAsync(scene);

        await holding.RollbackAsync();
        Assert.Equal(0, (await scene.BackfillAsync()).Count("failed"));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_row_that_can_not_be_unlinked_is_a_conflict_of_the_undo_which_a_later_undo_resolves()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var before = await scene.FingerprintAsync();
        var run = await scene.BackfillAsync();
        var poisoned = await PoisonAsync(scene, 3);
        await scene.Database.ExecuteAsync(
            "ALTER TABLE message_deliveries ADD CONSTRAINT refuse CHECK (status <> 'poison' OR user_id IS NOT NULL) NOT VALID");

        var undo = await UndoAsync(scene, run.RunId!.Value);

        Assert.Equal(("completed", 3, 3), (undo.Status, undo.Count("failed"), undo.Count("conflicts")));
        Assert.Equal(run.Count("linked") - 3, undo.Count("rolled_back"));
        Assert.Equal(poisoned, await FaultsAsync(scene, undo.RunId!.Value, PostgresErrorCodes.CheckViolation));
        Assert.Equal(poisoned, await SkippedAsync(scene, "conflict", "error 23514: %"));
        Assert.Equal("partly undone", (await scene.RunAsync(run.RunId.Value)).Status);
        Assert.Equal(3, await scene.LinkedAsync());
        await scene.AssertSoundAsync();

        await scene.Database.ExecuteAsync("ALTER TABLE message_deliveries DROP CONSTRAINT refuse");
        Assert.Equal(3, (await UndoAsync(scene, run.RunId.Value)).Count("rolled_back"));
        Assert.Equal("undone", (await scene.RunAsync(run.RunId.Value)).Status);
        Assert.Equal(before, await scene.FingerprintAsync());
        await scene.AssertSoundAsync();
    }

    [Fact]
    public async Task More_failing_rows_than_exceptions_would_be_end_the_run_which_can_be_resumed_when_their_cause_is_mended()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await PoisonAsync(scene, 40);
        await scene.Database.ExecuteAsync("ALTER TABLE message_deliveries ADD CONSTRAINT refuse CHECK (status <> 'poison' OR user_id IS NULL)");
        var options = RunScene.Options(80) with { MaxFaults = 10, Settings = new() { ThrottleLimit = 1 } };
        Guid? run = null;

        var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.BackfillAsync(options, progress => run = progress.RunId));

        Assert.Equal(("Linkage.Run.TooManyFaults", run.ToString()), (fault.ErrorId, fault.Subject));
        Assert.Equal("failed", (await scene.RunAsync(run!.Value)).Status);
        Assert.Equal(11, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run_fault WHERE run_id = @run", new { run }));
        await scene.AssertSoundAsync();

        await scene.Database.ExecuteAsync("ALTER TABLE message_deliveries DROP CONSTRAINT refuse");
        var resumed = await ResumeAsync(scene, run.Value, options);
        Assert.Equal(("completed", Deliveries, 11), (resumed.Status, resumed.Count("processed"), resumed.Count("failed")));
        await scene.AssertSoundAsync();
        Assert.Equal(0, (await scene.BackfillAsync()).Count("failed"));
        await scene.AssertAllLinkedAsync();
    }

    [Theory]
    [InlineData("53100")] // disk_full
    [InlineData("53200")] // out_of_memory
    [InlineData("XX000")] // internal_error
    public async Task What_is_wrong_with_more_than_a_row_ends_the_run_and_blames_no_row(string sqlState)
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await scene.Database.ExecuteAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full' USING ERRCODE = '{sqlState}'; END $$;
            CREATE TRIGGER fail BEFORE UPDATE ON message_deliveries FOR EACH ROW WHEN (NEW.status = 'poison') EXECUTE FUNCTION fail();
            """));
        await PoisonAsync(scene, 1, last: true);

        await AssertFailsAndGoesOnAsync(scene, scene.Database.Engine, _ => { }, sqlState, "DROP TRIGGER fail ON message_deliveries");
    }

    [Fact]
    public async Task A_privilege_that_is_revoked_meanwhile_ends_the_run_which_goes_on_when_it_is_granted_again()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var role = await Roles.CreateAsync(scene.Database, "runner");
        await Roles.GrantAllAsync(scene.Database, role);
        await using (var engine = await Roles.ConnectAsync(scene.Database, role))
        {
            await AssertFailsAndGoesOnAsync(
                scene, engine, progress =>
                {
                    if (progress.Done > 100)
                        scene.Database.Connection.Execute($"REVOKE UPDATE ON message_deliveries FROM \"{role}\"");
                },
                PostgresErrorCodes.InsufficientPrivilege, $"GRANT UPDATE ON message_deliveries TO \"{role}\"");
        }

        await Roles.DropAsync(scene.Database, role);
    }

    [Fact]
    public async Task Batches_that_time_out_get_smaller_and_no_row_is_blamed()
    {
        await using var scene = await RunScene.CreateAsync(80);
        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
            CREATE TRIGGER slow BEFORE UPDATE ON message_deliveries FOR EACH ROW EXECUTE FUNCTION slow();
            """);
        List<long> done = [];

        var result = await scene.BackfillAsync(
            RunScene.Options(80) with { BatchTimeout = TimeSpan.FromMilliseconds(600), Settings = new() { ThrottleLimit = 1 } },
            progress => done.Add(progress.Done));

        Assert.Equal(("completed", 80, 0), (result.Status, result.Count("processed"), result.Count("failed")));
        // 30 linked rows take the whole time; three of four rows are linked.
        Assert.InRange(done.Zip(done.Skip(1), (before, after) => after - before).Max(), 1, 40);
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_is_to_blame_for_the_time_that_it_takes_but_not_for_being_cancelled(bool isCancelled)
    {
        await using var scene = await RunScene.CreateAsync(10);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var session = await scene.Database.OpenAsync();
        var run = await scene.Database.ScalarAsync<Guid>(
            "SELECT linkage.start_run(linkage.user_link_work('message_deliveries'), false, '{}', NULL, NULL, NULL)");
        await session.ExecuteAsync("SELECT linkage.claim_range(@run, 1, 1, 1)", new { run });
        await session.ExecuteAsync($"SET application_name = 'Linkage'; SET statement_timeout = {(isCancelled ? 0 : 300)}");

        var batch = session.ExecuteAsync("SELECT linkage.run_batch(@run, 1, 1, 1, 0, isolate => true)", new { run });
        if (isCancelled)
        {
            await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = @pid AND wait_event = 'advisory')", new { pid = session.ProcessID }));
            await scene.Database.ExecuteAsync("SELECT pg_cancel_backend(@pid)", new { pid = session.ProcessID });
            Assert.Equal(PostgresErrorCodes.QueryCanceled, (await Assert.ThrowsAsync<PostgresException>(() => batch)).SqlState);
        }
        else
        {
            await batch;
        }

        Assert.Equal(isCancelled ? 0 : 1, (await FaultsAsync(scene, run, PostgresErrorCodes.QueryCanceled)).Count);
        Assert.Equal(isCancelled ? 0 : 1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit"));
    }

    private static async Task AssertFailsAndGoesOnAsync(
        RunScene scene, LinkageDatabase engine, Action<RunProgress> progress, string sqlState, string remedy)
    {
        Guid? run = null;
        var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.BackfillAsync(
            RunScene.Options(50),
            told =>
            {
                run = told.RunId;
                progress(told);
            },
            engine));

        Assert.Equal(("Linkage.Run.BatchFailed", run.ToString()), (fault.ErrorId, fault.Subject));
        Assert.Equal(sqlState, Assert.IsType<PostgresException>(fault.GetBaseException()).SqlState);
        Assert.Equal("failed", (await scene.RunAsync(run!.Value)).Status);
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run_fault"));
        Assert.InRange(await scene.LinkedAsync(), 1, Deliveries - 1);
        await scene.AssertSoundAsync();

        await scene.Database.ExecuteAsync(remedy);
        var resumed = await new RunEngine(engine).ResumeAsync(run.Value, RunScene.Options(50), _ => { }, CancellationToken.None);
        Assert.Equal(("completed", Deliveries), (resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    /// <summary>Marks so many deliveries that the rule "guest" links, anywhere in the table or its last; returns their ids.</summary>
    private static async Task<IReadOnlyList<string>> PoisonAsync(RunScene scene, int count, bool last = false)
    {
        await scene.Database.ExecuteAsync(
            $"""
            SET session_replication_role = replica;
            UPDATE message_deliveries SET status = 'poison'
            WHERE id IN (
              SELECT d.id FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
              WHERE g.user_id IS NOT NULL ORDER BY {(last ? "d.ctid DESC" : "md5(d.id::text)")} LIMIT @count);
            RESET session_replication_role;
            """,
            new { count });
        return await scene.Database.QueryAsync<string>("SELECT id::text FROM message_deliveries WHERE status = 'poison' ORDER BY 1");
    }

    private static Task<IReadOnlyList<string>> FaultsAsync(RunScene scene, Guid run, string sqlState) => scene.Database.QueryAsync<string>(
        "SELECT record_key FROM linkage.run_fault WHERE run_id = @run AND sql_state = @sqlState ORDER BY 1", new { run, sqlState });

    private static Task<IReadOnlyList<string>> SkippedAsync(RunScene scene, string outcome, string reason) => scene.Database.QueryAsync<string>(
        "SELECT record_id::text FROM user_link_audit WHERE outcome = @outcome AND metadata ->> 'reason' LIKE @reason ORDER BY 1",
        new { outcome, reason });

    private static async Task AssertOthersLinkedAsync(RunScene scene) => Assert.Equal(0, await scene.Database.ScalarAsync<long>(
        """
        SELECT count(*) FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
        WHERE (d.user_id IS NULL) <> (g.user_id IS NULL OR d.status = 'poison')
        """));

    private static Task<RunResult> UndoAsync(RunScene scene, Guid run) =>
        new RunUndo(scene.Database.Engine).UndoAsync(run, allowRelink: true, RunScene.Options(80), _ => { }, CancellationToken.None);

    private static Task<RunResult> ResumeAsync(RunScene scene, Guid run, RunOptions options) =>
        new RunEngine(scene.Database.Engine).ResumeAsync(run, options, _ => { }, CancellationToken.None);
}
