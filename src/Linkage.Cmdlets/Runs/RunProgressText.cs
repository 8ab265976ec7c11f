using System.Globalization;
using System.Management.Automation;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>How a run's progress reads in the host: the run's id from the start, rows done, rate, share and time left.</summary>
internal static class RunProgressText
{
    private const int ActivityId = 1;

    /// <summary>The record to show.</summary>
    /// <param name="cmdlet">The cmdlet's name.</param>
    /// <param name="place">The target, with server and database.</param>
    /// <param name="progress">What the run told.</param>
    public static ProgressRecord Of(string cmdlet, string place, RunProgress progress)
    {
        // What changes stands first: a host of the usual width cuts the rest off, as the run's id takes half of the line.
        var record = new ProgressRecord(
            ActivityId,
            progress.RunId is { } id ? $"{cmdlet} {id}" : cmdlet,
            $"{progress.Waiting ?? Rows(progress)} ({place})");
        // Not before the last word is said: there is always something left to do.
        if (progress.Share is { } share)
            record.PercentComplete = (int)Math.Min(99, share * 100);
        if (progress is { Waiting: null, Remaining: { } remaining })
            record.SecondsRemaining = (int)Math.Min(int.MaxValue, remaining.TotalSeconds);
        return record;
    }

    private static string Rows(RunProgress progress) => progress.Done == 0
        ? "starting"
        : string.Create(CultureInfo.InvariantCulture, $"{progress.Done:N0} rows, {progress.RowsPerSecond:N0} rows/s");
}
