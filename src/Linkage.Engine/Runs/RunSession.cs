using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs.Throttling;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>Carries a run that this process holds from where it is to its end: as many workers as are wanted, walk after walk.</summary>
/// <param name="database">Where the run is.</param>
/// <param name="lease">The run.</param>
/// <param name="throttle">What holds it back.</param>
/// <param name="options">How.</param>
/// <param name="progress">Told after each batch.</param>
internal sealed class RunSession(
    LinkageDatabase database, RunLease lease, Throttle throttle, RunOptions options, Action<RunProgress> progress)
{
    private const string GoOn = "Resume-LinkageRun goes on with what is left.";

    private readonly ProgressMeter _meter = new(lease.RunId, lease.Target, progress);

    /// <summary>Returns what the run came to, when it is completed or was stopped politely.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled; the run is stopped.</exception>
    /// <exception cref="LinkageException">The run failed, or is not this session's any more.</exception>
    public async Task<RunResult> RunAsync(CancellationToken cancellation)
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        RunMonitor? monitor = null;
        try
        {
            var start = await DescribeAsync(abort.Token);
            RunResult? result;
            await using (monitor = new RunMonitor(database, lease, options.Settings, start.Holds, throttle, _meter, abort))
            {
                _meter.Start(start.Share, start.Expected);
                result = await WalkAsync(start.IsSequential, monitor, abort.Token);
            }

            return result ?? await FinishAsync("stopped", $"{monitor.StopReason} {GoOn}", options.ReconnectFor);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await TryFinishAsync("stopped", $"It was cancelled; the batches before are done. {GoOn}");
            throw;
        }
        catch (OperationCanceledException) when (monitor?.Lost is { } lost)
        {
            throw lost;
        }
        catch (OperationCanceledException) when (monitor?.StopReason is { } reason)
        {
            return await FinishAsync("stopped", $"{reason} {GoOn}", options.ReconnectFor);
        }
        catch (Exception e) when (e is NpgsqlException or DatabaseException)
        {
            await TryFinishAsync("failed", $"A batch failed: {e.Message}");
            throw new LinkageException(
                "Linkage.Run.BatchFailed", FaultKind.InvalidState,
                $"Run {lease.RunId} on {lease.Target} ended early: {e.Message} The batches before are done and audited; undo them with "
                + "Undo-LinkageRun, or let it go on with Resume-LinkageRun.",
                e)
            {
                Subject = lease.RunId.ToString(),
            };
        }
        catch (LinkageException e) when (e.ErrorId != ServerFaults.NoLongerRunning)
        {
            await TryFinishAsync("failed", e.Message);
            throw;
        }
    }

    /// <summary>All workers of one walk, then the walk that follows it, until none does. Null if the run is to stop before that.</summary>
    private async Task<RunResult?> WalkAsync(bool isSequential, RunMonitor monitor, CancellationToken cancellation)
    {
        var isFollowing = false;
        while (true)
        {
            await WorkAsync(isSequential || isFollowing, monitor, cancellation);
            if (monitor.StopReason is not null)
                return null;
            var (isEnd, next, result) = await FollowAsync(cancellation);
            if (isEnd)
                return result;
            isFollowing = next;
        }
    }

    /// <summary>
    /// As many workers as are wanted at each moment, until all that is left is done. The walk that follows the first one is one worker's:
    /// it is short, and each claim is a pass over the table. So is a walk that is sequential. Both have all the time they need.
    /// </summary>
    private async Task WorkAsync(bool isSequential, RunMonitor monitor, CancellationToken cancellation)
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var workers = new Dictionary<int, Task>();
        var isLeft = true;
        try
        {
            while (isLeft || workers.Count > 0)
            {
                var wanted = isSequential ? 1 : monitor.Settings.ThrottleLimit;
                for (var number = 1; number <= wanted && isLeft && monitor.StopReason is null; number++)
                {
                    if (!workers.ContainsKey(number))
                        workers.Add(number, WorkAsync(number, monitor, isSequential, abort.Token));
                }

                await Task.WhenAny([monitor.Changed, .. workers.Values]);
                foreach (var (number, worker) in workers.Where(w => w.Value.IsCompleted).ToList())
                {
                    workers.Remove(number);
                    await worker;
                    // One that ends by itself has found nothing more to claim; the others finish theirs.
                    isLeft &= number > monitor.Settings.ThrottleLimit;
                }

                isLeft &= monitor.StopReason is null;
            }
        }
        catch
        {
            await abort.CancelAsync();
            await Task.WhenAll(workers.Values).ContinueWith(_ => { }, TaskScheduler.Default);
            throw;
        }
    }

    private async Task WorkAsync(int number, RunMonitor monitor, bool hasTime, CancellationToken cancellation)
    {
        monitor.Count(1);
        try
        {
            // Off the caller's thread from the first statement on.
            await Task.Yield();
            await new RunWorker(database, lease, number, options, monitor, _meter, hasTime).WorkAsync(cancellation);
        }
        finally
        {
            monitor.Count(-1);
        }
    }

    /// <summary>
    /// Goes over to the walk that follows, which takes as long as the table is big, or ends the run. Both look at what is left and wait for
    /// the disk in one transaction: a crash just before may have lost the last batches, and then there is something left after all.
    /// </summary>
    private async Task<(bool IsEnd, bool IsFollowing, RunResult? Result)> FollowAsync(CancellationToken cancellation)
    {
        var isRetry = false;
        return await Retry.UntilAsync(
            options.ReconnectFor,
            () => database.TransactAsync(
                TransactionOptions.ReadWrite with
                {
                    ApplicationName = lease.ApplicationName(options.Caller), StatementTimeout = TimeSpan.Zero,
                },
                async session =>
                {
                    // A commit whose answer was lost is no reason to finish twice.
                    if (isRetry && await FinishedAsync(session, "completed") is { } finished)
                        return (true, false, finished);
                    isRetry = true;
                    var next = await session.QuerySingleAsync<string>(
                        "SELECT linkage.follow_walk(@runId, @session)", new { runId = lease.RunId, session = lease.Session });
                    return next == "end"
                        ? (true, false, await FinishAsync(session, "completed", null))
                        : (false, next == "following", (RunResult?)null);
                },
                cancellation),
            cancellation);
    }

    /// <summary>How far earlier sessions came and what held them; else how many candidates there may be.</summary>
    private Task<Start> DescribeAsync(CancellationToken cancellation) => Retry.UntilAsync(
        options.ReconnectFor,
        () => database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session =>
            {
                var run = new { runId = lease.RunId };
                var (share, holds, isSequential) = await session.QuerySingleAsync<(double? Share, string Holds, bool IsSequential)>(
                    """
                    SELECT linkage.walked_share(r), r.holds::text, COALESCE((r.walk ->> 'is_sequential')::boolean, false)
                    FROM linkage.run r
                    WHERE r.id = @runId
                    """,
                    run);
                return new Start(
                    share,
                    share is null ? await WalkEstimate.CandidatesAsync(session, "SELECT walk FROM linkage.run WHERE id = @runId", run) : null,
                    ParseHolds(holds),
                    isSequential);
            },
            cancellation),
        cancellation);

    private async Task<RunResult> FinishAsync(string status, string reason, TimeSpan patience)
    {
        var isRetry = false;
        return await Retry.UntilAsync(
            patience,
            () => database.TransactAsync(
                TransactionOptions.ReadWrite,
                async session =>
                {
                    if (isRetry && await FinishedAsync(session, status) is { } finished)
                        return finished;
                    isRetry = true;
                    return await FinishAsync(session, status, reason);
                },
                CancellationToken.None),
            CancellationToken.None);
    }

    private async Task<RunResult> FinishAsync(DatabaseSession session, string status, string? reason) => Result(
        await session.QuerySingleAsync<FinishedRun>(
            $"SELECT {FinishedRun.Columns} FROM linkage.finish_run(@runId, @session, @status, @reason) r",
            new { runId = lease.RunId, session = lease.Session, status, reason }));

    /// <summary>What the run came to, if this session has ended it already.</summary>
    private async Task<RunResult?> FinishedAsync(DatabaseSession session, string status) =>
        await session.QuerySingleOrDefaultAsync<FinishedRun>(
            $"SELECT {FinishedRun.Columns} FROM linkage.run r WHERE r.id = @runId AND r.session = @session AND r.status = @status",
            new { runId = lease.RunId, session = lease.Session, status }) is { } run
            ? Result(run)
            : null;

    private RunResult Result(FinishedRun run) => new(
        lease.RunId, lease.Target, run.Status, Batch.ParseCounts(run.Counts), Batch.ParseSample(run.Sample), _meter.Elapsed)
    {
        Holds = ParseHolds(run.Holds),
        Message = run.Message,
    };

    /// <summary>Says the last word if the server is there to hear it.</summary>
    private async Task TryFinishAsync(string status, string reason)
    {
        try
        {
            // Long enough for a connection that was closed meanwhile to be replaced.
            await FinishAsync(status, reason, TimeSpan.FromSeconds(1));
        }
        catch (Exception e) when (e is NpgsqlException or LinkageException)
        {
            // The server is gone, and the heartbeat will tell that the run died; or another session ended the run already.
        }
    }

    private static Dictionary<string, double> ParseHolds(string json) => JsonSerializer.Deserialize<Dictionary<string, double>>(json)!;

    private sealed record Start(double? Share, long? Expected, IReadOnlyDictionary<string, double> Holds, bool IsSequential);

    private sealed record FinishedRun(string Status, string Counts, string Sample, string Holds, string? Message)
    {
        public const string Columns =
            """
            r.status AS "Status", r.counts::text AS "Counts", r.sample::text AS "Sample", r.holds::text AS "Holds", r.message AS "Message"
            """;
    }
}
