using Linkage.Engine.Database;

namespace Linkage.Engine.Runs;

/// <summary>
/// Asks something of a run that another session works on. That session hears it within a second and acts between two batches.
/// </summary>
/// <param name="database">Where the run is.</param>
public sealed class RunControl(LinkageDatabase database)
{
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Ends a run after the batches under way, or at once if its session is gone. It can be resumed later, and undone.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="wait">How long to wait until it has ended; zero not to wait.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The run as it is then; still running if the time was not enough.</returns>
    /// <exception cref="LinkageException">There is no such run, or it has ended.</exception>
    public async Task<RunRecord> StopAsync(Guid runId, TimeSpan wait, CancellationToken cancellation)
    {
        await AskAsync("SELECT linkage.request_stop(@runId)", runId, cancellation);
        return await OnceAsync(runId, run => run.Status is not ("running" or "suspended"), wait, cancellation);
    }

    /// <summary>Lets a run stand still after the batches under way. It keeps its target, until it is resumed or its session ends.</summary>
    /// <inheritdoc cref="StopAsync"/>
    public async Task<RunRecord> SuspendAsync(Guid runId, TimeSpan wait, CancellationToken cancellation)
    {
        await AskAsync("SELECT linkage.request_suspend(@runId)", runId, cancellation);
        return await OnceAsync(runId, run => run.Status != "running", wait, cancellation);
    }

    /// <summary>Lets a suspended run go on in the session that holds it.</summary>
    /// <returns>The run as it is then; null if no session holds it any more: <see cref="RunEngine.ResumeAsync"/> takes it up.</returns>
    /// <inheritdoc cref="StopAsync"/>
    public async Task<RunRecord?> ContinueAsync(Guid runId, TimeSpan wait, CancellationToken cancellation)
    {
        var isHeld = await database.TransactAsync(
            TransactionOptions.ReadWrite,
            session => session.QuerySingleAsync<bool>("SELECT linkage.request_continue(@runId)", new { runId }),
            cancellation);
        return isHeld ? await OnceAsync(runId, run => run.Status != "suspended", wait, cancellation) : null;
    }

    /// <summary>Changes how a run goes on; what is null stays as it is.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="throttleLimit">How many workers.</param>
    /// <param name="targetBatchTime">How long a batch should take.</param>
    /// <param name="maxDuration">After how long in its session the run stops; zero for no limit.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="LinkageException">There is no such run, it has ended, or its session is gone.</exception>
    public async Task<RunRecord> ChangeAsync(
        Guid runId, int? throttleLimit, TimeSpan? targetBatchTime, TimeSpan? maxDuration, CancellationToken cancellation)
    {
        await database.TransactAsync(
            TransactionOptions.ReadWrite,
            session => session.ExecuteAsync(
                """
                SELECT linkage.change_settings(@runId, jsonb_strip_nulls(jsonb_build_object(
                  'throttle_limit', @throttleLimit::integer,
                  'target_batch_ms', @batch::float8,
                  'max_duration_s', NULLIF(@duration::float8, 0)))
                  || CASE WHEN @duration::float8 = 0 THEN '{"max_duration_s": null}'::jsonb ELSE '{}'::jsonb END)
                """,
                new { runId, throttleLimit, batch = targetBatchTime?.TotalMilliseconds, duration = maxDuration?.TotalSeconds }),
            cancellation);
        return await new RunLog(database).GetAsync(runId, cancellation);
    }

    private Task<int> AskAsync(string sql, Guid runId, CancellationToken cancellation) => database.TransactAsync(
        TransactionOptions.ReadWrite, session => session.ExecuteAsync(sql, new { runId }), cancellation);

    private async Task<RunRecord> OnceAsync(Guid runId, Func<RunRecord, bool> isDone, TimeSpan wait, CancellationToken cancellation)
    {
        var log = new RunLog(database);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            var run = await log.GetAsync(runId, cancellation);
            if (isDone(run) || clock.Elapsed >= wait)
                return run;
            await Task.Delay(_interval, cancellation);
        }
    }
}
