using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Runs;

/// <summary>One run at a time per target, and what becomes of a run that is stopped, loses its target or meets a row that fails.</summary>
public sealed class RunOwnershipTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_second_run_on_the_target_is_refused_and_told_who_holds_it()
    {
        await using var scene = await RunScene.CreateAsync(500);
        await using var first = new HeldRun(scene);
        await first.IsHeldAsync();

        var error = await Assert.ThrowsAsync<LinkageException>(() => scene.BackfillAsync());

        Assert.Equal((FaultKind.Busy, first.RunId.ToString()), (error.Kind, error.Subject));
        Assert.Contains(first.RunId.ToString(), error.Message, StringComparison.Ordinal);
        first.Release();
        Assert.Equal("completed", (await first.Result).Status);
        await scene.AssertSoundAsync();
    }

    [Fact]
    public async Task A_run_that_waits_for_the_target_starts_when_it_is_free()
    {
        await using var scene = await RunScene.CreateAsync(500);
        await using var first = new HeldRun(scene);
        await first.IsHeldAsync();
        using var waits = new ManualResetEventSlim();

        var second = scene.BackfillAsync(RunScene.Options() with { TargetWait = _limit }, progress =>
        {
            if (progress.Waiting is not null)
                waits.Set();
        });
        await Poll.UntilAsync(() => waits.IsSet);
        first.Release();

        Assert.Equal("completed", (await first.Result).Status);
        Assert.Equal("completed", (await second).Status);
        await scene.AssertSoundAsync();
    }

    [Fact]
    public async Task A_target_whose_holder_is_dead_is_taken_over_at_once_and_the_holder_writes_nothing_more()
    {
        await using var scene = await RunScene.CreateAsync(500);
        // A role of its own, so that it can be kept from connecting again; its one worker is held, and does not try to meanwhile.
        var role = await Roles.CreateAsync(scene.Database, "holder");
        await Roles.GrantAllAsync(scene.Database, role);
        await using var engine = await Roles.ConnectAsync(scene.Database, role);
        await using var first = new HeldRun(scene, engine);
        await first.IsHeldAsync();
        await scene.Database.ExecuteAsync(
            $"ALTER ROLE \"{role}\" NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = @role", new { role });
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT NOT linkage.run_is_alive(r) FROM linkage.run r WHERE id = @run", new { run = first.RunId }));

        var second = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync($"ALTER ROLE \"{role}\" LOGIN");
        first.Release();
        var lost = await Assert.ThrowsAsync<LinkageException>(() => first.Result);

        Assert.Equal("completed", second.Status);
        Assert.Equal("Linkage.Run.NoLongerRunning", lost.ErrorId);
        Assert.Equal("interrupted", (await scene.RunAsync(first.RunId)).Status);
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
        await Roles.DropAsync(scene.Database, role);
    }

    [Fact]
    public async Task A_cancelled_run_is_stopped_runs_nothing_more_on_the_server_and_can_be_resumed()
    {
        await using var scene = await RunScene.CreateAsync(1000);
        await using var blocker = await scene.Database.OpenAsync();
        await using var blocking = await blocker.BeginTransactionAsync();
        await blocker.ExecuteAsync("SELECT FROM message_deliveries WHERE ctid = (SELECT max(ctid) FROM message_deliveries) FOR UPDATE");
        using var cancellation = new CancellationTokenSource();
        Guid? run = null;

        var running = scene.BackfillAsync(
            RunScene.Options() with { LockTimeout = _limit }, progress => run = progress.RunId, cancellation: cancellation.Token);
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')
            """));
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND state <> 'idle' AND pid <> pg_backend_pid()
            """));
        Assert.Equal("stopped", (await scene.RunAsync(run!.Value)).Status);
        await scene.AssertSoundAsync();
        await blocking.RollbackAsync();
        var resumed = await new RunEngine(scene.Database.Engine).ResumeAsync(run.Value, RunScene.Options(), _ => { }, CancellationToken.None);
        Assert.Equal(("completed", 1000), (resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    /// <summary>A run that stands still after its first batch until it is released.</summary>
    private sealed class HeldRun : IAsyncDisposable
    {
        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _release = new();

        public HeldRun(RunScene scene, LinkageDatabase? engine = null) => Result = Task.Run(() => scene.BackfillAsync(
            RunScene.Options() with { Settings = new() { ThrottleLimit = 1 } },
            engine: engine,
            progress: progress =>
            {
                if (progress.RunId is not { } run || _release.IsSet || RunId == default && !Begins(run))
                    return;
                _held.TrySetResult();
                Assert.True(_release.Wait(_limit));
            }));

        public Task<RunResult> Result { get; }

        public Guid RunId { get; private set; }

        public async Task IsHeldAsync() => await (await Task.WhenAny(_held.Task, Result));

        public void Release() => _release.Set();

        public async ValueTask DisposeAsync()
        {
            Release();
            try
            {
                await Result;
            }
            catch (LinkageException)
            {
                // The test has looked at it.
            }

            _release.Dispose();
        }

        // The first word of a run comes before its first batch.
        private bool Begins(Guid run)
        {
            RunId = run;
            return false;
        }
    }
}
