using Linkage.Cmdlets.Database;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>A run as the database has it. All times are UTC.</summary>
public sealed class LinkageRun
{
    internal LinkageRun(LinkageConnection connection, RunRecord run)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        RunId = run.RunId;
        Kind = run.Kind;
        Table = run.Target;
        Status = run.Status;
        DryRun = run.IsDryRun;
        Details = RunCounts.Parse(run.Counts);
        Counts = Details.ToString();
        StartedAt = run.StartedAt;
        FinishedAt = run.FinishedAt;
        Elapsed = (run.FinishedAt ?? run.HeartbeatAt) - run.StartedAt;
        StartedBy = run.StartedBy;
        ClientHost = run.ClientHost;
        ModuleVersion = run.ModuleVersion;
        Undoes = run.Undoes;
        Parameters = run.Parameters;
        Message = run.Message;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found through.</summary>
    public Guid ConnectionId { get; }

    /// <summary>Its id, ordered by time.</summary>
    public Guid RunId { get; }

    /// <summary>What it is: UserLinkBackfill, Undo and so on.</summary>
    public string Kind { get; }

    /// <summary>What it works on.</summary>
    public string Table { get; }

    /// <summary>running, suspended, stopped, interrupted, completed, failed, undone or partly undone.</summary>
    public string Status { get; }

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool DryRun { get; }

    /// <summary>What it counted, to read: <c>Processed 12, Linked 7</c>.</summary>
    public string Counts { get; }

    /// <summary>What it counted, to reckon with: <c>$run.Details.Linked</c>.</summary>
    public RunCounts Details { get; }

    /// <summary>When it started.</summary>
    public DateTime StartedAt { get; }

    /// <summary>When it ended; null while it runs.</summary>
    public DateTime? FinishedAt { get; }

    /// <summary>From its start to its end, or to its last sign of life.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>The role that started it.</summary>
    public string StartedBy { get; }

    /// <summary>The machine that the cmdlet ran on; null from psql.</summary>
    public string? ClientHost { get; }

    /// <summary>The module that did it; null from psql.</summary>
    public string? ModuleVersion { get; }

    /// <summary>The run that it undoes.</summary>
    public Guid? Undoes { get; }

    /// <summary>JSON: what it was asked to do.</summary>
    public string Parameters { get; }

    /// <summary>Why it ended as it did.</summary>
    public string? Message { get; }
}
