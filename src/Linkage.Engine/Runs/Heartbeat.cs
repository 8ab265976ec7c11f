using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>Tells the database every few seconds that a run is alive, also during a batch, on a connection of its own.</summary>
internal sealed class Heartbeat : IAsyncDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(4);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _beating;

    public Heartbeat(LinkageDatabase database, Guid runId) => _beating = BeatAsync(database, runId, _end.Token);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _beating;
        _end.Dispose();
    }

    private static async Task BeatAsync(LinkageDatabase database, Guid runId, CancellationToken end)
    {
        // A batch holds the run's row only for its last moment; a beat that has to wait longer is skipped.
        var options = TransactionOptions.ReadWrite with { LockTimeout = TimeSpan.FromSeconds(1), WaitsForDisk = false };
        using var timer = new PeriodicTimer(_interval);
        try
        {
            while (await timer.WaitForNextTickAsync(end))
            {
                try
                {
                    await database.TransactAsync(
                        options,
                        session => session.ExecuteAsync(
                            "UPDATE linkage.run SET heartbeat_at = clock_timestamp() WHERE id = @runId AND status = 'running'",
                            new { runId }),
                        end);
                }
                catch (NpgsqlException)
                {
                    // A beat may be missed; the batches find out by themselves if the server is gone.
                }
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The run is over.
        }
    }
}
