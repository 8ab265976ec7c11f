using System.Diagnostics;
using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>
/// Carries out any capability's work: starts a run, does batch after batch, each with its change, audit and cursor in one transaction,
/// and finishes it. What a batch does stands in the database; see <c>Schema/Migrations/Runs/R__run_functions.sql</c>.
/// </summary>
/// <param name="database">Where the work is.</param>
public sealed class RunEngine(LinkageDatabase database)
{
    private const int Attempts = 8;

    /// <summary>Does the work from start to end.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told of the run's id at once and of its progress after each batch.</param>
    /// <param name="cancellation">
    /// Cancels the statement under way and leaves whole batches: the run is then 'stopped' and can be resumed.
    /// </param>
    /// <exception cref="LinkageException">The target is held by another run, or a batch failed for good.</exception>
    public async Task<RunResult> RunAsync(
        RunWork work, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        if (options.Mode == RunMode.Preview)
            return await PreviewAsync(work, options, progress, cancellation);

        var (runId, target) = await StartAsync(work, options, progress, cancellation);
        return await WalkAsync(runId, target, options, progress, cancellation);
    }

    /// <summary>Lets a run that was interrupted or stopped go on from its cursor to its end.</summary>
    /// <exception cref="LinkageException">There is no such run, it is finished, or its target is held by another.</exception>
    public async Task<RunResult> ResumeAsync(
        Guid runId, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var target = await OnceTargetIsFreeAsync(
            options,
            progress,
            async session =>
            {
                await session.ExecuteAsync("SELECT linkage.resume_run(@runId)", new { runId });
                return await session.QuerySingleAsync<string>("SELECT target FROM linkage.run WHERE id = @runId", new { runId });
            },
            cancellation);
        return await WalkAsync(runId, target, options, progress, cancellation);
    }

    private async Task<RunResult> WalkAsync(
        Guid runId, string target, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        await using var heartbeat = new Heartbeat(database, runId);
        try
        {
            progress(new RunProgress(runId, target, 0, null, clock.Elapsed));
            var estimate = await EstimateAsync("SELECT walk FROM linkage.run WHERE id = @runId", new { runId }, cancellation);
            await foreach (var done in BatchesAsync(runId, options, cancellation))
                progress(new RunProgress(runId, target, done, estimate, clock.Elapsed));
            return await FinishAsync(runId, "completed", null, clock, Attempts);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await TryFinishAsync(runId, "stopped", "It was cancelled; the batches before are done. Call it again to go on with what is left.", clock);
            throw;
        }
        catch (NpgsqlException e)
        {
            await TryFinishAsync(runId, "failed", $"A batch failed: {e.Message}", clock);
            throw new LinkageException(
                "Linkage.Run.BatchFailed", FaultKind.InvalidState,
                $"Run {runId} on {target} ended early: {e.Message} The batches before are done and audited; undo them with "
                + "Undo-LinkageRun, or run it again to go on.",
                e)
            {
                Subject = runId.ToString(),
            };
        }
    }

    /// <summary>Batch after batch; yields how many candidates were examined so far.</summary>
    private async IAsyncEnumerable<long> BatchesAsync(
        Guid runId, RunOptions options, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var transaction = TransactionOptions.ReadWrite with
        {
            ApplicationName = $"Linkage {options.Caller} {runId:N}"[..Math.Min(63, $"Linkage {options.Caller} {runId:N}".Length)],
            StatementTimeout = options.BatchTimeout,
            LockTimeout = options.LockTimeout,
            // A crash may lose the last batches as a whole, cursor and audit with them: a resume does them again. The last word
            // (FinishAsync) waits for the disk, and everything before it is on disk then.
            WaitsForDisk = false,
        };
        long done = 0;
        var size = options.BatchSize;
        var failures = 0;
        var mayTakeLong = false;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            string? result;
            try
            {
                result = await database.TransactAsync(
                    // The last pass over the table is as long as the table is big; it can be cancelled like any batch.
                    mayTakeLong ? transaction with { StatementTimeout = TimeSpan.Zero } : transaction,
                    session => session.QuerySingleAsync<string?>(
                        "SELECT linkage.run_batch(@runId, @size, @mayTakeLong)::text", new { runId, size, mayTakeLong }),
                    cancellation);
            }
            catch (Exception e) when (TransientErrors.IsTransient(e) && ++failures < Attempts)
            {
                // What took or waited too long may fit as a smaller piece.
                if (TransientErrors.IsTimeout(e))
                    size = Math.Max(1, size / 2);
                await Task.Delay(Backoff(failures), cancellation);
                continue;
            }

            if (result is null)
                yield break;
            var batch = Batch.Parse(result);
            mayTakeLong |= batch.TakesLong;
            failures = 0;
            size = Math.Min(options.BatchSize, size * 2);
            done += batch.Rows;
            yield return done;
        }
    }

    private async Task<RunResult> PreviewAsync(
        RunWork work, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var transaction = TransactionOptions.ReadOnly with { ApplicationName = $"Linkage {options.Caller} -WhatIf" };
        var description = await database.TransactAsync(
            transaction, session => session.QuerySingleAsync<string>(work.Sql, work.Parameters), cancellation);
        var target = JsonDocument.Parse(description).RootElement.GetProperty("target").GetString()!;
        var total = Batch.Empty;

        if (work.Preview is { } once)
        {
            var result = await database.TransactAsync(transaction, session => once(session, description), cancellation);
            total = total.Add(Batch.Parse(result));
        }
        else
        {
            // Bounded like a run, so that it ends under constant inserts. It has no second walk for what moves or is rewritten
            // meanwhile, so it goes by the rows as it finds them.
            description = await database.TransactAsync(
                transaction,
                session => session.QuerySingleAsync<string>(
                    """
                    SELECT jsonb_set(
                      @description::jsonb, '{walk}', linkage.fixed_walk(@description::jsonb -> 'walk') - 'file' - 'before_xid')::text
                    """,
                    new { description }),
                cancellation);
            var estimate = await EstimateAsync("SELECT @description::jsonb -> 'walk'", new { description }, cancellation);
            string? cursor = null;
            while (true)
            {
                var result = await database.TransactAsync(
                    transaction,
                    session => session.QuerySingleAsync<string?>(
                        "SELECT linkage.preview_batch(@description::jsonb, @cursor::jsonb, @size)::text",
                        new { description, cursor, size = options.BatchSize }),
                    cancellation);
                if (result is null)
                    break;
                var batch = Batch.Parse(result);
                cursor = batch.Cursor;
                total = total.Add(batch);
                progress(new RunProgress(null, target, total.Rows, estimate, clock.Elapsed));
            }
        }

        return new RunResult(null, target, "preview", total.Counts, total.Sample, clock.Elapsed);
    }

    private async Task<(Guid RunId, string Target)> StartAsync(
        RunWork work, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation) =>
        await OnceTargetIsFreeAsync(
            options,
            progress,
            async session =>
            {
                var description = await session.QuerySingleAsync<string>(work.Sql, work.Parameters);
                var runId = await session.QuerySingleAsync<Guid>(
                    "SELECT linkage.start_run(@description::jsonb, @dry, @parameters::jsonb, @undoes, @host, @version)",
                    new
                    {
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

                var target = await session.QuerySingleAsync<string>("SELECT target FROM linkage.run WHERE id = @runId", new { runId });
                return (runId, target);
            },
            cancellation);

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
                return await RetriedAsync(() => database.TransactAsync(transaction, start, cancellation), Attempts, cancellation);
            }
            catch (LinkageException e) when (e.ErrorId == ServerFaults.TargetHeld && clock.Elapsed < options.TargetWait)
            {
                progress(new RunProgress(null, string.Empty, 0, null, clock.Elapsed, e.Message));
                await Task.Delay(TimeSpan.FromMilliseconds(500), cancellation);
            }
        }
    }

    private async Task<RunResult> FinishAsync(Guid runId, string status, string? reason, Stopwatch clock, int attempts)
    {
        const string Columns = """r.target AS "Target", r.status AS "Status", r.counts::text AS "Counts", r.sample::text AS "Sample" """;
        var isRetry = false;
        var run = await RetriedAsync(
            () => database.TransactAsync(
                TransactionOptions.ReadWrite,
                async session =>
                {
                    // A commit whose answer was lost is no reason to finish twice.
                    if (isRetry && await session.QuerySingleOrDefaultAsync<FinishedRun>(
                        $"SELECT {Columns} FROM linkage.run r WHERE r.id = @runId AND r.status = @status",
                        new { runId, status }) is { } finished)
                        return finished;
                    isRetry = true;
                    return await session.QuerySingleAsync<FinishedRun>(
                        $"SELECT {Columns} FROM linkage.finish_run(@runId, @status, @reason) r", new { runId, status, reason });
                },
                CancellationToken.None),
            attempts,
            CancellationToken.None);
        return new RunResult(
            runId, run.Target, run.Status, Batch.ParseCounts(run.Counts), Batch.ParseSample(run.Sample), clock.Elapsed);
    }

    private async Task TryFinishAsync(Guid runId, string status, string reason, Stopwatch clock)
    {
        try
        {
            // The second attempt is for a connection that was closed meanwhile.
            await FinishAsync(runId, status, reason, clock, attempts: 2);
        }
        catch (Exception e) when (e is NpgsqlException or LinkageException)
        {
            // The server is gone, and the heartbeat will tell that the run died; or another session ended the run already.
        }
    }

    private static async Task<T> RetriedAsync<T>(Func<Task<T>> work, int attempts, CancellationToken cancellation)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (failures < attempts && TransientErrors.IsTransient(e))
            {
                await Task.Delay(Backoff(failures), cancellation);
            }
        }
    }

    /// <summary>How many candidates the planner expects: enough for progress, and free.</summary>
    private async Task<long?> EstimateAsync(string walkSql, object parameters, CancellationToken cancellation)
    {
        var plan = await RetriedAsync(
            () => database.TransactAsync(
                TransactionOptions.ReadOnly,
                async session =>
                {
                    var query = await session.QuerySingleAsync<string>(
                        $"""
                         SELECT format('SELECT FROM %s AS t WHERE %s', (w.walk ->> 'table')::regclass, linkage.candidates(w.walk))
                         FROM ({walkSql}) AS w (walk)
                         """,
                        parameters);
                    return await session.QuerySingleAsync<string>($"EXPLAIN (FORMAT JSON) {query}");
                },
                cancellation),
            Attempts,
            cancellation);
        return JsonDocument.Parse(plan).RootElement[0].GetProperty("Plan").GetProperty("Plan Rows").GetInt64();
    }

    private static TimeSpan Backoff(int failures) =>
        TimeSpan.FromMilliseconds(Math.Min(5000, 50 * Math.Pow(2, failures)) * (0.5 + Random.Shared.NextDouble()));

    private sealed record FinishedRun(string Target, string Status, string Counts, string Sample);
}
