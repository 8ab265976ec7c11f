namespace Linkage.Engine;

/// <summary>
/// How long to wait before the next attempt: a span that doubles with each failure, of which each who waits takes another part, so that no
/// two come back together.
/// </summary>
internal static class Backoff
{
    /// <summary>Between half and all of the doubled span.</summary>
    /// <param name="first">The span after the first failure.</param>
    /// <param name="failures">How many there were in a row, from 1.</param>
    /// <param name="longest">The span never grows beyond it.</param>
    public static TimeSpan After(TimeSpan first, int failures, TimeSpan longest) =>
        TimeSpan.FromMilliseconds(Math.Min(longest.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, failures - 1)))
        * (0.5 + (0.5 * Random.Shared.NextDouble()));
}
