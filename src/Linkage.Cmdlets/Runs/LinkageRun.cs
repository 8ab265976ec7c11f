using System.Text.Json;
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
        Progress = Percent(run);
        // A session that died took neither back.
        var isAtWork = run.Status is "running" or "suspended";
        Requested = isAtWork && !(run.Status == "suspended" && run.Requested == "suspend") ? run.Requested : null;
        HeldFor = isAtWork ? run.HeldFor : null;
        Held = RunHolds.Parse(run.Holds).Total;
        DryRun = run.IsDryRun;
        Details = RunCounts.Parse(run.Counts);
        Counts = Details.ToString();
        StartedAt = run.StartedAt;
        FinishedAt = run.FinishedAt;
        Elapsed = (run.FinishedAt ?? run.HeartbeatAt) - run.StartedAt;
        var settings = JsonDocument.Parse(run.Settings).RootElement;
        ThrottleLimit = (int?)Number(settings, "throttle_limit");
        TargetBatchTime = Number(settings, "target_batch_ms") is { } batch ? TimeSpan.FromMilliseconds(batch) : null;
        MaxDuration = Number(settings, "max_duration_s") is { } duration ? TimeSpan.FromSeconds(duration) : null;
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

    /// <summary>How many percent of its table are done: 100 only where all is; null where nobody knows.</summary>
    public int? Progress { get; }

    /// <summary>What another session has asked of it and it has not done yet: stop or suspend; null if nothing.</summary>
    public string? Requested { get; }

    /// <summary>Why it is held back at this moment; null if it isn't.</summary>
    public string? HeldFor { get; }

    /// <summary>How long it was held back, in all its sessions.</summary>
    public TimeSpan Held { get; }

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

    /// <summary>How many workers share it; null from psql, as the next two.</summary>
    public int? ThrottleLimit { get; }

    /// <summary>How long one of its transactions should take.</summary>
    public TimeSpan? TargetBatchTime { get; }

    /// <summary>After how long in one session it stops; null for no limit.</summary>
    public TimeSpan? MaxDuration { get; }

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

    private static int? Percent(RunRecord run) => run.Status is "completed" or "undone" or "partly undone"
        ? 100
        : run.Share is { } share ? (int)Math.Clamp(share * 100, 0, 99) : null;

    private static double? Number(JsonElement settings, string name) =>
        settings.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
