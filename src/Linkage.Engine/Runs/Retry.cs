using System.Diagnostics;
using Linkage.Engine.Database;

namespace Linkage.Engine.Runs;

/// <summary>Tries again what failed for a reason that passes, at growing intervals that no two workers share.</summary>
internal static class Retry
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(5);

    /// <summary>Does the work until it succeeds, fails for good, or the patience is over.</summary>
    public static async Task<T> UntilAsync<T>(TimeSpan patience, Func<Task<T>> work, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (TransientErrors.IsTransient(e) && clock.Elapsed < patience)
            {
                await Task.Delay(Pause(failures), cancellation);
            }
        }
    }

    /// <summary>How long to wait after so many failures.</summary>
    public static TimeSpan Pause(int failures) => Backoff.After(_firstPause, failures, _longestPause);
}
