using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What clearing the audit came to.</summary>
public sealed class UserLinkAuditClearResult
{
    internal UserLinkAuditClearResult(RunReport report, DateTime olderThan)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Status = report.Status;
        OlderThan = olderThan;
        Processed = report.Counts.Of("processed");
        Cleared = report.Counts.Of("cleared");
        Kept = report.Counts.Of("kept");
        Failed = report.Failed;
        Elapsed = report.Elapsed;
        Held = report.Holds.Total;
        HeldFor = report.Holds.ToString();
        DryRun = report.DryRun;
        Message = report.Message;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it ran on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The run; null under <c>-WhatIf</c>, and where none was started. It can't be undone.</summary>
    public Guid? RunId { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>The time before which entries were old; UTC.</summary>
    public DateTime OlderThan { get; }

    /// <summary>How many old entries there were.</summary>
    public long Processed { get; }

    /// <summary>How many went.</summary>
    public long Cleared { get; }

    /// <summary>How many stayed, since an undo needs them.</summary>
    public long Kept { get; }

    /// <summary>How many could not be changed, each tried alone; Message tells of the first.</summary>
    public long Failed { get; }

    /// <summary>Wall-clock time.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>How much of it the run was held back.</summary>
    public TimeSpan Held { get; }

    /// <summary>What for, and how long: <c>autovacuum 12 s, replica lag 3 s</c>; null if it never was.</summary>
    public string? HeldFor { get; }

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool DryRun { get; }

    /// <summary>Why it ended as it did, and which records could not be changed; null if there is nothing to say.</summary>
    public string? Message { get; }
}
