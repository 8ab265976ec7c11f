using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What repairing records of one table came to.</summary>
public sealed class UserLinkRepairResult
{
    internal UserLinkRepairResult(RunReport report)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Processed = report.Counts.Of("processed");
        Linked = report.Counts.Of("linked");
        Relinked = report.Counts.Of("relinked");
        Unlinked = report.Counts.Of("unlinked");
        Unchanged = report.Counts.Of("unchanged");
        NoMatch = report.Counts.Of("no_match");
        Ambiguous = report.Counts.Of("ambiguous");
        Skipped = report.Counts.Of("skipped");
        Suppressed = report.Counts.Of("suppressed");
        Failed = report.Failed;
        Elapsed = report.Elapsed;
        Held = report.Holds.Total;
        HeldFor = report.Holds.ToString();
        DryRun = report.DryRun;
        Sample = report.Sample;
        Message = report.Message;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it ran on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The run, to undo it by; null under <c>-WhatIf</c>, and where none was started.</summary>
    public Guid? RunId { get; }

    /// <summary>The target.</summary>
    public string? Table { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>How many candidates were examined.</summary>
    public long Processed { get; }

    /// <summary>How many had no user and have one now.</summary>
    public long Linked { get; }

    /// <summary>How many went from a wrong user to the one that the rules give.</summary>
    public long Relinked { get; }

    /// <summary>How many lost a wrong user, since the rules give none.</summary>
    public long Unlinked { get; }

    /// <summary>How many have a user with whom nothing is wrong.</summary>
    public long Unchanged { get; }

    /// <summary>How many had no user, and there is none for them.</summary>
    public long NoMatch { get; }

    /// <summary>How many had no user, and there are several for them.</summary>
    public long Ambiguous { get; }

    /// <summary>How many were left alone: changed since they were listed, gone, feature off, no event, no usable phone, or suppressed.</summary>
    public long Skipped { get; }

    /// <summary>How many of the skipped an undo keeps from the user that the rules give.</summary>
    public long Suppressed { get; }

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

    /// <summary>The first five examined.</summary>
    public RunSample Sample { get; }

    /// <summary>Why it ended as it did, and which records could not be changed; null if there is nothing to say.</summary>
    public string? Message { get; }
}
