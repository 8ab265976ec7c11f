using System.Globalization;
using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>How runs are spoken of.</summary>
internal static class RunText
{
    /// <summary>A run by what it is, for confirmations.</summary>
    public static string Describe(RunRecord run)
    {
        var started = string.Create(CultureInfo.InvariantCulture, $"{run.StartedAt:yyyy-MM-dd HH:mm:ss} UTC by {run.StartedBy}");
        var counts = RunCounts.Parse(run.Counts);
        return $"run {run.RunId} ({run.Kind} of {run.Target}, {started}, {(counts.Count == 0 ? "nothing counted yet" : counts)})";
    }

    /// <summary>A record without a run was piped in.</summary>
    public static ErrorRecord NoRunId() => ErrorRecords.Create(
        "Linkage.Run.NoRunId", FaultKind.InvalidInput,
        "There is no RunId: a result of -WhatIf, and one that failed before it started, has no run.", null);
}
