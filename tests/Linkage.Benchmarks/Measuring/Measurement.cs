using System.Diagnostics;

namespace Linkage.Benchmarks.Measuring;

/// <summary>What one turn of a contender cost.</summary>
/// <param name="Seconds">By the clock on the wall.</param>
/// <param name="ServerSeconds">Processor time of all the server's processes; null where it can't be read.</param>
/// <param name="WalBytes">Write-ahead log, all of the server's.</param>
/// <param name="ClientBytes">By how much this process's working set grew beyond what it was at the start, at its peak.</param>
internal sealed record Measurement(double Seconds, double? ServerSeconds, long WalBytes, long ClientBytes)
{
    private static readonly TimeSpan _sampling = TimeSpan.FromMilliseconds(100);

    public static async Task<Measurement> TakeAsync(BenchmarkDatabase database, Func<Task> work)
    {
        var log = await database.ScalarAsync<string>("SELECT pg_current_wal_lsn()::text");
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var end = new CancellationTokenSource();
        var start = Environment.WorkingSet;
        var peak = PeakAsync(end.Token);
        var processor = ServerProcessor.Seconds(database.ServerProcessId);

        var clock = Stopwatch.StartNew();
        await work();
        clock.Stop();
        processor = ServerProcessor.Seconds(database.ServerProcessId) - processor;

        await end.CancelAsync();
        return new Measurement(
            clock.Elapsed.TotalSeconds,
            processor,
            await database.ScalarAsync<long>($"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{log}')::bigint"),
            Math.Max(0, await peak - start));
    }

    private static async Task<long> PeakAsync(CancellationToken end)
    {
        var peak = Environment.WorkingSet;
        using var timer = new PeriodicTimer(_sampling);
        try
        {
            while (await timer.WaitForNextTickAsync(end))
                peak = Math.Max(peak, Environment.WorkingSet);
        }
        catch (OperationCanceledException)
        {
            // The work is done.
        }

        return Math.Max(peak, Environment.WorkingSet);
    }
}
