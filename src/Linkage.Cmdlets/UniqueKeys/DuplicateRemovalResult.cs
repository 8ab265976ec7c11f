using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>What removing duplicates came to.</summary>
public sealed class DuplicateRemovalResult
{
    internal DuplicateRemovalResult(RunReport report, string rule)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Rule = rule;
        Processed = report.Counts.Of("processed");
        Removed = report.Counts.Of("removed");
        Repointed = report.Counts.Of("repointed");
        Kept = report.Counts.Of("kept");
        Clashed = report.Counts.Of("clashed");
        Failed = report.Failed;
        Tables = MovedTables.Of(report.Counts);
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

    /// <summary>The table, in SQL notation; null where the run did not start.</summary>
    public string? Table { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>The rule's name.</summary>
    public string Rule { get; }

    /// <summary>How many groups of rows that share a key were looked at.</summary>
    public long Processed { get; }

    /// <summary>How many rows of the table went.</summary>
    public long Removed { get; }

    /// <summary>How many rows that referred to them refer to the one that stayed.</summary>
    public long Repointed { get; }

    /// <summary>How many rows stayed of which others went: one of each group.</summary>
    public long Kept { get; }

    /// <summary>How many rows of other tables went, since they would have had the same unique key once they were re-pointed.</summary>
    public long Clashed { get; }

    /// <summary>How many groups could not be changed, and are as they were; linkage.run_fault says why.</summary>
    public long Failed { get; }

    /// <summary>By table: <c>public."Job": 3 moved; public.notes: 2 moved, 1 removed</c>; null if none has changed.</summary>
    public string? Tables { get; }

    /// <summary>Wall-clock time.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>How much of it the run was held back.</summary>
    public TimeSpan Held { get; }

    /// <summary>What for, and how long: <c>autovacuum 12 s, replica lag 3 s</c>; null if it never was.</summary>
    public string? HeldFor { get; }

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool DryRun { get; }

    /// <summary>The first five groups.</summary>
    public RunSample Sample { get; }

    /// <summary>Why it ended as it did; null if there is nothing to say.</summary>
    public string? Message { get; }
}
