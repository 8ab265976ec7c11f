using System.Diagnostics;
using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs.Throttling;
using Linkage.Engine.Schema;

namespace Linkage.Engine.Runs;

/// <summary>
/// Carries out any capability's work: starts a run, has its workers do batch after batch, each with its change, audit and claim in one
/// transaction, and finishes it. What a batch does stands in the database; see <c>Schema/Migrations/Runs/R__batch_functions.sql</c>.
/// </summary>
/// <param name="database">Where the work is.</param>
public sealed class RunEngine(LinkageDatabase database)
{
    /// <summary>Does the work from start to end.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told of the run's id at once and of its progress after each batch, one call at a time.</param>
    /// <param name="cancellation">
    /// Cancels the statements under way and leaves whole batches: the run is then 'stopped' and can be resumed.
    /// </param>
    /// <returns>What it came to; its status is 'stopped' if another session asked for it, or its time was over.</returns>
    /// <exception cref="LinkageException">The target is held by another run, or a batch failed for good.</exception>
    public async Task<RunResult> RunAsync(
        RunWork work, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        if (options.Mode == RunMode.Preview)
            return await PreviewAsync(work, options, progress, cancellation);

        // What can't be watched is said before there is a run.
        var (runId, table) = await Retry.UntilAsync(
            options.ReconnectFor,
            () => database.TransactAsync(
                TransactionOptions.ReadOnly with { ApplicationName = $"Linkage {options.Caller}" },
                session => session.QuerySingleAsync<(Guid RunId, string Table)>(
                    $"""
                     SELECT linkage.new_run_id(), COALESCE(w.walk ->> 'changed', w.walk ->> 'table')
                     FROM (SELECT d.description::jsonb -> 'walk' FROM ({work.Sql}) AS d (description)) AS w (walk)
                     """,
                    work.Parameters),
                cancellation),
            cancellation);
        var throttle = await Throttle.OpenAsync(
            database, table, options.Throttle, RunLease.NameOf(options.Caller, runId), cancellation);
        var lease = await StartAsync(runId, work, options, progress, cancellation);
        return await new RunSession(database, lease, throttle, options, progress).RunAsync(cancellation);
    }

    /// <summary>Lets a run that was interrupted, stopped or failed go on to its end.</summary>
    /// <exception cref="LinkageException">There is no such run, it is finished, or its target is held by another.</exception>
    public async Task<RunResult> ResumeAsync(
        Guid runId, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var table = await database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = $"Linkage {options.Caller}" },
            session => session.QuerySingleAsync<string>(
                "SELECT COALESCE(r.walk ->> 'changed', r.walk ->> 'table') FROM linkage.find_run(@runId) r", new { runId }),
            cancellation);
        var throttle = await Throttle.OpenAsync(
            database, table, options.Throttle, RunLease.NameOf(options.Caller, runId), cancellation);
        var lease = await OnceTargetIsFreeAsync(
            options,
            progress,
            async session =>
            {
                await session.ExecuteAsync("SELECT linkage.resume_run(@runId)", new { runId });
                return await LeaseAsync(session, runId, options.Settings);
            },
            cancellation);
        return await new RunSession(database, lease, throttle, options, progress).RunAsync(cancellation);
    }

    private async Task<RunResult> PreviewAsync(
        RunWork work, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var transaction = TransactionOptions.ReadOnly with { ApplicationName = $"Linkage {options.Caller} -WhatIf" };
        var description = await database.TransactAsync(
            transaction, session => session.QuerySingleAsync<string>(work.Sql, work.Parameters), cancellation);
        var target = JsonDocument.Parse(description).RootElement.GetProperty("target").GetString()!;
        var total = work.Preview is { } once
            ? Batch.Parse(await database.TransactAsync(transaction, session => once(session, description), cancellation))
            : await PreviewBatchesAsync(description, target, transaction, options, progress, cancellation);
        return new RunResult(null, target, "preview", total.Counts, total.Sample, clock.Elapsed);
    }

    /// <summary>
    /// Batch after batch, by one worker: bounded like a run, so that it ends under constant inserts. There is no second walk for what
    /// moves or is rewritten meanwhile, so it goes by the rows as it finds them.
    /// </summary>
    private async Task<Batch> PreviewBatchesAsync(
        string description, string target, TransactionOptions transaction, RunOptions options, Action<RunProgress> progress,
        CancellationToken cancellation)
    {
        var meter = new ProgressMeter(null, target, progress);
        description = await database.TransactAsync(
            transaction,
            async session =>
            {
                var (work, isMeasured) = await session.QuerySingleAsync<(string, bool)>(
                    """
                    SELECT
                      jsonb_set(@description::jsonb, '{walk}', w.walk - 'file' - 'before_xid')::text,
                      linkage.is_by_position(w.walk) OR COALESCE((w.walk ->> 'expected')::bigint, 0) > 0
                    FROM linkage.fixed_walk(@description::jsonb -> 'walk') AS w (walk)
                    """,
                    new { description });
                if (isMeasured)
                    meter.Start(0, null);
                else
                    meter.Start(null, await WalkEstimate.CandidatesAsync(session, "SELECT @work::jsonb -> 'walk'", new { work }));
                return work;
            },
            cancellation);
        var sizer = new BatchSizer(options.BatchSize);
        var total = Batch.Empty;
        while (true)
        {
            var batchClock = Stopwatch.StartNew();
            var result = await database.TransactAsync(
                transaction,
                session => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_batch(@description::jsonb, @cursor::jsonb, @size)::text",
                    new { description, cursor = total.Cursor, size = sizer.Size }),
                cancellation);
            if (result is null)
                return total;
            var batch = Batch.Parse(result);
            sizer.Succeeded(batch.Asked, batchClock.Elapsed, options.Settings.TargetBatchTime);
            meter.Add(batch);
            total = total.Add(batch);
        }
    }

    private Task<RunLease> StartAsync(
        Guid runId, RunWork work, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation) =>
        OnceTargetIsFreeAsync(
            options,
            progress,
            async session =>
            {
                var description = await session.QuerySingleAsync<string>(work.Sql, work.Parameters);
                await session.ExecuteAsync(
                    "SELECT linkage.start_run(@description::jsonb, @dry, @parameters::jsonb, @undoes, @host, @version, @runId)",
                    new
                    {
                        runId,
                        description,
                        dry = options.Mode == RunMode.DryRun,
                        parameters = work.RecordedParameters,
                        undoes = work.Undoes,
                        host = Environment.MachineName,
                        version = SchemaInstaller.ModuleVersion,
                    });
                if (work.Supply is { } supply)
                {
                    await supply(session, runId);
                    await session.ExecuteAsync("SELECT linkage.fix_bound(@runId)", new { runId });
                }

                return await LeaseAsync(session, runId, options.Settings);
            },
            cancellation);

    private static async Task<RunLease> LeaseAsync(DatabaseSession session, Guid runId, RunSettings settings)
    {
        var (number, target) = await session.QuerySingleAsync<(int Session, string Target)>(
            "UPDATE linkage.run SET settings = @settings::jsonb WHERE id = @runId RETURNING session, target",
            new { runId, settings = settings.ToJson() });
        return new RunLease(runId, number, target);
    }

    /// <summary>
    /// A target whose holder died is taken over as soon as its heartbeat is too old; until then, and while a living run holds it, a
    /// start waits, at most as long as it takes to know.
    /// </summary>
    private async Task<T> OnceTargetIsFreeAsync<T>(
        RunOptions options, Action<RunProgress> progress, Func<DatabaseSession, Task<T>> start, CancellationToken cancellation)
    {
        var transaction = TransactionOptions.ReadWrite with { ApplicationName = $"Linkage {options.Caller}" };
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                // A start whose answer was lost is taken over by the next: its session is gone.
                return await Retry.UntilAsync(
                    options.ReconnectFor, () => database.TransactAsync(transaction, start, cancellation), cancellation);
            }
            catch (LinkageException e) when (e.ErrorId == ServerFaults.TargetHeld && clock.Elapsed < options.TargetWait)
            {
                progress(new RunProgress(null, string.Empty, 0, clock.Elapsed) { Waiting = e.Message });
                await Task.Delay(TimeSpan.FromMilliseconds(500), cancellation);
            }
        }
    }
}
