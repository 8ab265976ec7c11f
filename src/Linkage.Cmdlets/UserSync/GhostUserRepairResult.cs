using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UserSync;

/// <summary>What repairing ghost users came to.</summary>
public sealed class GhostUserRepairResult
{
    internal GhostUserRepairResult(RunReport report)
    {
        var unrepairable = report.Counts.Of("failed_accounts");
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Processed = report.Counts.Of("processed");
        Repaired = report.Counts.Of("repaired");
        Skipped = report.Counts.Of("skipped");
        Failed = unrepairable + report.Failed;
        Elapsed = report.Elapsed;
        Held = report.Holds.Total;
        HeldFor = report.Holds.ToString();
        DryRun = report.DryRun;
        Sample = report.Sample;
        Message = report.MessageAfter(
            unrepairable, "account", "can't be given a profile as things are; Get-GhostUser says why.");
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it ran on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The run, to undo it by; null under <c>-WhatIf</c>, and where none was started.</summary>
    public Guid? RunId { get; }

    /// <summary>The table of the profiles, in SQL notation; null where the run did not start.</summary>
    public string? Table { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>How many accounts were examined.</summary>
    public long Processed { get; }

    /// <summary>How many had no profile and have one now.</summary>
    public long Repaired { get; }

    /// <summary>How many were left alone, since they were no ghosts any more.</summary>
    public long Skipped { get; }

    /// <summary>How many are ghosts still, as no profile could be made; Get-GhostUser says why.</summary>
    public long Failed { get; }

    /// <summary>Wall-clock time.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>How much of it the run was held back.</summary>
    public TimeSpan Held { get; }

    /// <summary>What for, and how long: <c>autovacuum 12 s, replica lag 3 s</c>; null if it never was.</summary>
    public string? HeldFor { get; }

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool DryRun { get; }

    /// <summary>The first five examined.</summary>
    public RunSample Sample { get; }

    /// <summary>Why it ended as it did, and how many accounts could not be repaired; null if there is nothing to say.</summary>
    public string? Message { get; }
}
