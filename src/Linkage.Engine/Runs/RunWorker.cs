using System.Diagnostics;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>
/// Does batch after batch of what it claims of a run's walk. A batch that times out is made smaller, one that collides is tried again, a
/// row that fails however small the batch is isolated and reported.
/// </summary>
/// <param name="database">Where the run is.</param>
/// <param name="lease">The run.</param>
/// <param name="number">Which of the run's workers it is, from 1 on.</param>
/// <param name="options">How the run is carried out.</param>
/// <param name="monitor">Is asked before each batch.</param>
/// <param name="meter">Is told of each batch.</param>
/// <param name="hasTime">Whether batches may take as long as they need: those of a walk that passes over the whole table for each.</param>
internal sealed class RunWorker(
    LinkageDatabase database, RunLease lease, int number, RunOptions options, RunMonitor monitor, ProgressMeter meter, bool hasTime)
{
    /// <summary>How often a batch that collides with others, or a single row that times out, is tried.</summary>
    private const int Attempts = 8;

    private readonly BatchSizer _sizer = new(options.BatchSize);
    private readonly Stopwatch _sinceReached = new();
    private int _failures;
    private bool _isolates;

    /// <summary>Works until there is nothing left to claim, or the run is to stop.</summary>
    /// <exception cref="NpgsqlException">No batch can succeed.</exception>
    public async Task WorkAsync(CancellationToken cancellation)
    {
        var isMore = await Retry.UntilAsync(options.ReconnectFor, () => ClaimAsync(cancellation), cancellation);
        while (isMore && await monitor.PassAsync(cancellation))
        {
            try
            {
                isMore = await BatchAsync(cancellation);
                _failures = 0;
                _isolates = false;
                _sinceReached.Reset();
            }
            catch (NpgsqlException fault) when (Handle(fault, out var pause))
            {
                await Task.Delay(pause, cancellation);
            }
        }
    }

    /// <summary>The first claim, in a transaction of its own: a batch would keep other workers from claiming until it ends.</summary>
    private Task<bool> ClaimAsync(CancellationToken cancellation) => database.TransactAsync(
        Transaction(),
        session => session.QuerySingleAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM linkage.run_range WHERE run_id = @runId AND session = @session AND worker = @number
            ) OR linkage.claim_range(@runId, @session, @number, @size)
            """,
            new { runId = lease.RunId, session = lease.Session, number, size = _sizer.Size }),
        cancellation);

    private async Task<bool> BatchAsync(CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var result = await database.TransactAsync(
            Transaction(),
            session => session.QuerySingleAsync<string?>(
                "SELECT linkage.run_batch(@runId, @session, @number, @size, @nextSize, @isolates)::text",
                new
                {
                    runId = lease.RunId,
                    session = lease.Session,
                    number,
                    size = _sizer.Size,
                    // One worker too many finishes what it has claimed, and claims nothing more.
                    nextSize = number <= monitor.Settings.ThrottleLimit ? _sizer.Size : 0,
                    isolates = _isolates,
                }),
            cancellation);
        var batch = Batch.Parse(result);
        _sizer.Succeeded(batch.Asked, clock.Elapsed, monitor.Settings.TargetBatchTime);
        meter.Add(batch);
        if (meter.Failed > options.MaxFaults)
        {
            throw new LinkageException(
                "Linkage.Run.TooManyFaults", FaultKind.InvalidState,
                $"{meter.Failed} records of {lease.Target} could not be changed, more than exceptions would be; what they have in "
                + $"common is to be mended first. linkage.run_fault lists them. The last: {(batch.Sample.Count > 0 ? batch.Sample[0] : null)}")
            {
                Subject = lease.RunId.ToString(),
            };
        }

        return batch.IsMore;
    }

    /// <summary>Whether to try again, and after which pause; the next attempt may be another.</summary>
    private bool Handle(NpgsqlException fault, out TimeSpan pause)
    {
        pause = Retry.Pause(++_failures);
        switch (BatchFaults.Classify(fault, _sinceReached.IsRunning))
        {
            case BatchFault.Unreachable:
                _sinceReached.Start();
                return _sinceReached.Elapsed < options.ReconnectFor;
            case BatchFault.Timeout when _sizer.Size > 1:
                _sizer.TimedOut();
                _failures = 0;
                return true;
            case BatchFault.Timeout or BatchFault.Collision when _failures < Attempts:
                return true;
            case BatchFault.Fatal:
                return false;
            case var _ when _sizer.Size > 1:
                // Somewhere in it is a row that fails.
                _sizer.Failed();
                (_failures, pause) = (0, TimeSpan.Zero);
                return true;
            default:
                var isFirst = !_isolates;
                _isolates = true;
                return isFirst;
        }
    }

    private TransactionOptions Transaction() => TransactionOptions.ReadWrite with
    {
        ApplicationName = lease.ApplicationName(options.Caller),
        StatementTimeout = hasTime ? TimeSpan.Zero : options.BatchTimeout,
        LockTimeout = options.LockTimeout,
        // A crash may lose the last batches as a whole, claims and audit with them: a resume does them again. The last word of the run
        // waits for the disk, and everything before it is on disk then.
        WaitsForDisk = false,
    };
}
