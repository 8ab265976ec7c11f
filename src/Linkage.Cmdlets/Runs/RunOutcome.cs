namespace Linkage.Cmdlets.Runs;

/// <summary>What every run of a table came to, whatever it did.</summary>
public abstract class RunOutcome
{
    private protected RunOutcome(RunReport report)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Processed = report.Counts.Of("processed");
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

    /// <summary>What it works on; null where that could not be found out.</summary>
    public string? Table { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>How many records were looked at.</summary>
    public long Processed { get; }

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
