using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What linking users in one table came to.</summary>
public sealed class UserLinkBackfillResult
{
    internal UserLinkBackfillResult(RunReport report)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Processed = report.Counts.Of("processed");
        Linked = report.Counts.Of("linked");
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

    /// <summary>How many were linked.</summary>
    public long Linked { get; }

    /// <summary>For how many there is no user.</summary>
    public long NoMatch { get; }

    /// <summary>For how many there are several: never linked, always reported.</summary>
    public long Ambiguous { get; }

    /// <summary>How many could not be examined (feature off, no event, no usable phone), or were suppressed.</summary>
    public long Skipped { get; }

    /// <summary>How many of the skipped an undo has unlinked before, so that they stay so.</summary>
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
