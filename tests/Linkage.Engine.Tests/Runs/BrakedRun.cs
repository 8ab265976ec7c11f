using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Runs;

/// <summary>A backfill, the first batches of which stand at a brake.</summary>
internal sealed class BrakedRun : IAsyncDisposable
{
    private readonly RunScene _scene;
    private readonly Brake _brake;

    private BrakedRun(RunScene scene, Brake brake, RunOptions options, Action<RunProgress>? progress)
    {
        (_scene, _brake) = (scene, brake);
        Result = Task.Run(() => scene.BackfillAsync(
            options with { LockTimeout = TimeSpan.FromMinutes(1) },
            told =>
            {
                RunId = told.RunId ?? RunId;
                progress?.Invoke(told);
            }));
    }

    public Task<RunResult> Result { get; }

    public Guid RunId { get; private set; }

    /// <summary>Returns when every worker waits at the brake.</summary>
    public static async Task<BrakedRun> StartAsync(RunScene scene, Brake brake, RunOptions options, Action<RunProgress>? progress = null)
    {
        var run = new BrakedRun(scene, brake, options, progress);
        await Poll.UntilAsync(async () =>
        {
            if (run.Result.IsCompleted)
                await run.Result;
            return await scene.Database.ScalarAsync<long>(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event = 'advisory'
                """) == options.Settings.ThrottleLimit;
        });
        return run;
    }

    /// <summary>Returns when the run has heard what was asked of it until now: its next sign of life brings that back.</summary>
    public async Task IsHeardAsync()
    {
        var now = await _scene.Database.ScalarAsync<DateTime>("SELECT clock_timestamp()");
        await Poll.UntilAsync(() => _scene.Database.ScalarAsync<bool>(
            "SELECT heartbeat_at > @now FROM linkage.run WHERE id = @RunId", new { now, RunId }));
    }

    public async ValueTask DisposeAsync()
    {
        await _brake.ReleaseAsync();
        try
        {
            await Result;
        }
        catch (LinkageException)
        {
            // The test has looked at it.
        }
    }
}
