using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Health;

namespace Linkage.Cmdlets.Health;

/// <summary>What a check found at a time, as the history has it. Times are UTC.</summary>
public sealed class HealthHistoryRecord
{
    internal HealthHistoryRecord(LinkageConnection connection, HealthEntry entry)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Check = entry.Result.Check;
        Subject = entry.Result.Subject;
        Status = entry.Result.Status.ToString();
        Value = entry.Result.Value;
        Threshold = entry.Result.Threshold;
        Message = entry.Result.Message;
        CheckedAt = entry.CheckedAt;
        SavedAt = entry.SavedAt;
        SavedBy = entry.SavedBy;
        foreach (var (name, value) in entry.Result.Details)
            Details.Properties.Add(new PSNoteProperty(name, value));
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was read from.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The check's name.</summary>
    public string Check { get; }

    /// <summary>What it is about, a table say, where one cmdlet makes the same check for several things; else empty.</summary>
    public string Subject { get; }

    /// <summary>Healthy, Warning, Critical or Unknown.</summary>
    public string Status { get; }

    /// <summary>What was measured, in the check's own unit; null where nothing could be.</summary>
    public double? Value { get; }

    /// <summary>The limit that decided, in the same unit; null where there is none.</summary>
    public double? Threshold { get; }

    /// <summary>What the check said.</summary>
    public string Message { get; }

    /// <summary>When it was checked.</summary>
    public DateTime CheckedAt { get; }

    /// <summary>When it was stored.</summary>
    public DateTime SavedAt { get; }

    /// <summary>The role that stored it.</summary>
    public string SavedBy { get; }

    /// <summary>What else was measured, as properties.</summary>
    public PSObject Details { get; } = new();
}
