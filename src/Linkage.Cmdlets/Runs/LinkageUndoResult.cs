namespace Linkage.Cmdlets.Runs;

/// <summary>What an undo came to. It is itself a run: pipe it into Undo-LinkageRun to take it back.</summary>
public sealed class LinkageUndoResult
{
    internal LinkageUndoResult(RunReport report, Guid? undoneRunId)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        UndoneRunId = undoneRunId;
        Table = report.Table;
        Status = report.Status;
        Processed = report.Counts.Of("processed");
        RolledBack = report.Counts.Of("rolled_back");
        Unchanged = report.Counts.Of("unchanged");
        Conflicts = report.Counts.Of("conflicts");
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

    /// <summary>The undo's own run; null under <c>-WhatIf</c>, and where none was started.</summary>
    public Guid? RunId { get; }

    /// <summary>The run that was undone; null for an undo by time.</summary>
    public Guid? UndoneRunId { get; }

    /// <summary>What it works on; null where that could not be found out.</summary>
    public string? Table { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>How many changes were looked at.</summary>
    public long Processed { get; }

    /// <summary>How many were taken back.</summary>
    public long RolledBack { get; }

    /// <summary>How many had been taken back already.</summary>
    public long Unchanged { get; }

    /// <summary>How many were left alone, since somebody changed the record after the run, or it is gone.</summary>
    public long Conflicts { get; }

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

    /// <summary>The first five looked at.</summary>
    public RunSample Sample { get; }

    /// <summary>Why it ended as it did, and which records could not be changed; null if there is nothing to say.</summary>
    public string? Message { get; }
}
