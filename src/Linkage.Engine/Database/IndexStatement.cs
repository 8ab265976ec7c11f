using System.Diagnostics;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// Runs statements that build or drop an index concurrently, and looks from another session at how far they are and whom they wait for. The
/// server's own <c>lock_timeout</c> can't be used: it would also cancel the wait for old snapshots at the end of a build, on whatever table
/// they are.
/// </summary>
/// <param name="database">Where.</param>
/// <param name="options">Who hears of it, and how long it waits for its table.</param>
internal sealed class IndexStatement(LinkageDatabase database, IndexBuildOptions options)
{
    /// <summary>Whom the last statement was seen to wait for.</summary>
    public string Holders { get; private set; } = string.Empty;

    /// <summary>Runs one.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="lockTimeout">How long it may wait for its lock on the table; null for as long as it takes.</param>
    /// <param name="cancellation">Cancels it on the server.</param>
    /// <exception cref="LinkageException">It did not get its lock on the table in time.</exception>
    public async Task RunAsync(string statement, TimeSpan? lockTimeout, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var work = database.ExecuteOutsideTransactionAsync(statement, stop.Token);
        var interval = lockTimeout is { } limit && limit < options.PollInterval * 2 ? limit / 2 : options.PollInterval;
        var locked = new Stopwatch();
        Holders = string.Empty;
        while (options.IsWatched && await Task.WhenAny(work, Task.Delay(interval, CancellationToken.None)) != work)
        {
            if (await LookAsync(statement) is not { } progress)
                continue;
            Tell(statement, progress);
            if (!progress.WaitsForTable)
                locked.Reset();
            else if (!locked.IsRunning)
                locked.Start();
            else if (locked.Elapsed >= lockTimeout)
                await stop.CancelAsync();
        }

        try
        {
            await work;
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new LinkageException(
                "Linkage.Index.LockTimeout", FaultKind.Busy,
                $"The lock on the table was not to be had within {lockTimeout}: it is held by {Holders}. Nothing was built; try it again in "
                + "a quieter moment, or wait longer.",
                e);
        }
    }

    private void Tell(string statement, IndexProgress progress)
    {
        var holders = string.Join(", ", progress.Holders);
        if (holders.Length > 0 && holders != Holders)
            options.Waiting?.Invoke($"{statement} waits for {holders}.");
        Holders = holders;
        options.Progress?.Invoke(progress);
    }

    private async Task<IndexProgress?> LookAsync(string statement)
    {
        try
        {
            return await database.TransactAsync(
                TransactionOptions.ReadOnly,
                session => session.QuerySingleOrDefaultAsync<IndexProgress>(EmbeddedSql.Read("Database/index_waits.sql"), new { statement }),
                CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // The statement goes on, whether it can be looked at or not.
            return null;
        }
    }
}
