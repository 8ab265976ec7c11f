using Dapper;
using Linkage.Engine.Runs;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>A run whose session lost it goes on in another one, exactly, whatever the first one still has under way.</summary>
public sealed class RunTakeoverTests
{
    private const int Deliveries = 1000;

    [Theory]
    [InlineData(4, 1)]
    [InlineData(1, 4)]
    [InlineData(3, 3)]
    public async Task Batches_in_flight_of_a_session_that_lost_its_run_are_rolled_back_and_done_by_the_next(int workers, int next)
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, Options(workers));

        await TakeOverAsync(scene, run.RunId);
        await brake.ReleaseAsync();
        var lost = await Assert.ThrowsAsync<LinkageException>(() => run.Result);

        Assert.Equal(("Linkage.Run.NoLongerRunning", run.RunId.ToString()), (lost.ErrorId, lost.Subject));
        Assert.Equal(0, await scene.LinkedAsync());
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit"));
        Assert.Equal("stopped", (await scene.RunAsync(run.RunId)).Status);
        var resumed = await ResumeAsync(scene, run.RunId, next);
        Assert.Equal(("completed", Deliveries), (resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task The_next_session_does_not_wait_for_batches_that_the_dead_one_has_in_flight()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var zombie = await scene.Database.OpenAsync();
        // A session of which only the backend is left: nobody beats for it.
        var run = await scene.Database.ScalarAsync<Guid>(
            "SELECT linkage.start_run(linkage.user_link_work('message_deliveries'), false, '{}', NULL, NULL, NULL)");
        await scene.Database.ExecuteAsync(
            "SELECT linkage.claim_range(@run, 1, 1, 100); UPDATE linkage.run SET heartbeat_at = heartbeat_at - interval '1 minute'", new { run });
        using var batch = new NpgsqlCommand(
            $"SET application_name = 'Linkage'; SELECT linkage.run_batch('{run}', 1, 1, 100, 100)", zombie);
        var inFlight = batch.ExecuteNonQueryAsync();
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = @pid AND wait_event = 'advisory')", new { pid = zombie.ProcessID }));

        // The run is resumed while the batch is under way, and the batch ends while the resumed run is at work.
        var resuming = Task.Run(() => new RunEngine(scene.Database.Engine).ResumeAsync(
            run, Options(2) with { LockTimeout = TimeSpan.FromMinutes(1) }, _ => { }, CancellationToken.None));
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>("SELECT session = 2 FROM linkage.run"));
        await brake.ReleaseAsync();
        var fault = await Assert.ThrowsAsync<PostgresException>(() => inFlight);

        Assert.Equal("LK002", fault.SqlState);
        var resumed = await resuming;
        Assert.Equal(("completed", Deliveries), (resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run_range"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_run_whose_process_died_is_resumed_with_another_number_of_workers(int workers)
    {
        // So many that the process is killed long before its end, on a busy machine too.
        const int deliveries = 8000;
        await using var scene = await RunScene.CreateAsync(deliveries);
        var run = await KilledBackfill.KillAsync(scene.Database.ConnectionString, batchSize: 20, lines: 12, spins: 1_000_000, workers: 5 - workers);
        await Poll.UntilAsync(async () => (await scene.RunAsync(run)).Status == "interrupted");

        var resumed = await ResumeAsync(scene, run, workers);

        Assert.Equal(("completed", deliveries), (resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_run_that_is_being_undone_is_not_resumed_before_the_undo_has_ended()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var run = await StoppedRunAsync(scene);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new RunUndo(scene.Database.Engine).UndoAsync(
            run, allowRelink: true, Options(1),
            progress =>
            {
                if (progress.Done > 50)
                    cancellation.Cancel();
            },
            cancellation.Token));

        var refused = await Assert.ThrowsAsync<LinkageException>(() => ResumeAsync(scene, run, 1));

        Assert.Equal(("Linkage.Run.WrongState", run.ToString()), (refused.ErrorId, refused.Subject));
        await UndoAsync(scene, run);
        Assert.Equal("undone", (await scene.RunAsync(run)).Status);
        Assert.Equal(0, await scene.LinkedAsync());
        await scene.AssertSoundAsync();
    }

    [Fact]
    public async Task A_stopped_run_is_stopped_again_when_its_undo_is_undone_and_goes_on_to_its_end()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var run = await StoppedRunAsync(scene);
        var linked = await scene.LinkedAsync();

        var undo = await UndoAsync(scene, run);
        await UndoAsync(scene, undo.RunId!.Value);

        Assert.Equal(("stopped", linked), ((await scene.RunAsync(run)).Status, await scene.LinkedAsync()));
        var resumed = await ResumeAsync(scene, run, 2);
        Assert.Equal(("completed", Deliveries), (resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
        // Now it was completed, and that is what it is again.
        var second = await UndoAsync(scene, run);
        await UndoAsync(scene, second.RunId!.Value);
        Assert.Equal("completed", (await scene.RunAsync(run)).Status);
    }

    // As when a crash takes back the last batch of a worker that has ended since, and fewer workers are wanted by then.
    [Fact]
    public async Task A_claim_that_no_worker_works_on_is_taken_up_by_another()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var isClaimed = false;

        var result = await scene.BackfillAsync(Options(1), progress =>
        {
            if (isClaimed || progress.Done == 0)
                return;
            isClaimed = true;
            Assert.True(scene.Database.Connection.ExecuteScalar<bool>(
                "SELECT linkage.claim_range(@run, 1, 7, 60)", new { run = progress.RunId }));
        });

        Assert.True(isClaimed);
        Assert.Equal(("completed", Deliveries), (result.Status, result.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    private static async Task<Guid> StoppedRunAsync(RunScene scene)
    {
        using var cancellation = new CancellationTokenSource();
        Guid? run = null;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scene.BackfillAsync(
            Options(1),
            progress =>
            {
                run = progress.RunId;
                if (progress.Done > 300)
                    cancellation.Cancel();
            },
            cancellation: cancellation.Token));
        return run!.Value;
    }

    private static Task<RunResult> UndoAsync(RunScene scene, Guid run) => new RunUndo(scene.Database.Engine).UndoAsync(
        run, allowRelink: true, Options(1), _ => { }, CancellationToken.None);

    /// <summary>Another session takes the run over in one transaction, so that no sign of life comes in between, and stops it.</summary>
    private static Task<int> TakeOverAsync(RunScene scene, Guid run) => scene.Database.ExecuteAsync(
        """
        BEGIN;
        UPDATE linkage.run SET heartbeat_at = heartbeat_at - interval '1 minute' WHERE id = @run;
        SELECT linkage.resume_run(@run);
        SELECT linkage.finish_run(@run, 2, 'stopped', NULL);
        COMMIT;
        """,
        new { run });

    private static Task<RunResult> ResumeAsync(RunScene scene, Guid run, int workers) =>
        new RunEngine(scene.Database.Engine).ResumeAsync(run, Options(workers), _ => { }, CancellationToken.None);

    private static RunOptions Options(int workers) => RunScene.Options(20) with { Settings = new() { ThrottleLimit = workers } };
}
