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
        var record = new ProgressRecord(
            ActivityId,
            progress.RunId is { } id ? $"{cmdlet} {id}" : cmdlet,
            $"{place}: {progress.Waiting ?? Rows(progress)}");
        // The estimate is the planner's: a run that passes it is nearly, but not known to be, done.
        if (progress is { Waiting: null, Estimate: > 0 and var total })
        {
            record.PercentComplete = (int)Math.Min(99, progress.Done * 100 / total);
            if (progress.Done > 0 && progress.Done <= total)
                record.SecondsRemaining = (int)Math.Min(int.MaxValue, progress.Elapsed.TotalSeconds * (total - progress.Done) / progress.Done);
        }

        return record;
    }

    private static string Rows(RunProgress progress)
    {
        if (progress.Done == 0)
            return "starting";
        var rate = progress.Done / Math.Max(progress.Elapsed.TotalSeconds, 0.001);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{progress.Done:N0}{(progress.Estimate > progress.Done ? FormattableString.Invariant($" of about {progress.Estimate:N0}") : "")} rows, {rate:N0} rows/s");
    }
}
