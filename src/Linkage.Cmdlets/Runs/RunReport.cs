using System.Globalization;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>What every result of a run tells, whatever the capability; the public records are made from it.</summary>
internal sealed record RunReport(LinkageConnection Connection, string? Table, string Status, bool DryRun)
{
    private const string FailedStatus = "failed";

    public Guid? RunId { get; private init; }

    public RunCounts Counts { get; private init; } = new([]);

    public RunSample Sample { get; private init; } = new([]);

    public TimeSpan Elapsed { get; private init; }

    public string? Message { get; private init; }

    public RunHolds Holds { get; private init; } = new(new Dictionary<string, double>());

    /// <summary>How many records could not be changed.</summary>
    public long Failed => Counts.Of("failed");

    /// <summary>The message, after what became of some things if there are any: <c>3 groups</c> and what is said of them.</summary>
    public string? MessageAfter(long things, string singular, string said)
    {
        if (things == 0)
            return Message;
        var sentence = string.Create(CultureInfo.InvariantCulture, $"{things:N0} {singular}{(things == 1 ? "" : "s")} {said}");
        return Message is null ? sentence : $"{sentence} {Message}";
    }

    public static RunReport Of(LinkageConnection connection, RunResult result, bool dryRun) =>
        new(connection, result.Target, result.Status, dryRun)
        {
            RunId = result.RunId,
            Counts = new RunCounts(result.Counts),
            Sample = new RunSample(result.Sample),
            Elapsed = result.Elapsed,
            Holds = new RunHolds(result.Holds),
            Message = result.Message,
        };

    /// <summary>A run that ended with a fault, as the database has it.</summary>
    public static RunReport OfFailed(LinkageConnection connection, RunRecord run, TimeSpan elapsed, string message) =>
        new(connection, run.Target, run.Status is "running" or "suspended" ? FailedStatus : run.Status, run.IsDryRun)
        {
            RunId = run.RunId,
            Counts = RunCounts.Parse(run.Counts),
            Elapsed = elapsed,
            Holds = RunHolds.Parse(run.Holds),
            Message = message,
        };

    /// <summary>A run that did not start, or of which the database does not tell any more.</summary>
    public static RunReport OfFailed(
        LinkageConnection connection, string? table, Guid? runId, bool dryRun, TimeSpan elapsed, string message) =>
        new(connection, table, FailedStatus, dryRun) { RunId = runId, Elapsed = elapsed, Message = message };
}
