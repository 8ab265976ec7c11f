using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What was decided of one record, and done to it. Times are UTC.</summary>
public sealed class UserLinkAuditRecord
{
    internal UserLinkAuditRecord(LinkageConnection connection, Engine.UserLinks.UserLinkAuditEntry entry)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        AuditId = entry.AuditId;
        CreatedAt = entry.CreatedAt;
        Table = entry.Table;
        RecordId = entry.RecordId;
        EventId = entry.EventId;
        Phone = entry.Phone;
        GuestId = entry.GuestId;
        UserId = entry.UserId;
        PreviousUserId = entry.PreviousUserId;
        Outcome = entry.Outcome;
        Rule = entry.Rule;
        Source = entry.Source;
        Reason = entry.Reason;
        RunId = entry.RunId;
        DryRun = entry.IsDryRun;
        Metadata = entry.Metadata;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The entry's own id.</summary>
    public string AuditId { get; }

    /// <summary>When the transaction began that wrote it.</summary>
    public DateTime CreatedAt { get; }

    /// <summary>By the audit's own name.</summary>
    public string Table { get; }

    /// <summary>The record; null for a fault that concerns no single one.</summary>
    public string? RecordId { get; }

    /// <summary>The event.</summary>
    public string? EventId { get; }

    /// <summary>The phone in E.164.</summary>
    public string? Phone { get; }

    /// <summary>The guest whom the user came from.</summary>
    public string? GuestId { get; }

    /// <summary>The user that the record has since; of a conflict, the one that was to be taken away.</summary>
    public string? UserId { get; }

    /// <summary>The user that the record had before.</summary>
    public string? PreviousUserId { get; }

    /// <summary>linked, no_match, ambiguous or skipped; of a repair and of an undo also unlinked and unchanged, of an undo conflict.</summary>
    public string Outcome { get; }

    /// <summary>guest, event phone or user phone.</summary>
    public string? Rule { get; }

    /// <summary>trigger, backfill, guest link, manual, undo or repair; null for what was audited before Linkage.</summary>
    public string? Source { get; }

    /// <summary>Why it was skipped, or is a conflict.</summary>
    public string? Reason { get; }

    /// <summary>The run; null for what triggers did.</summary>
    public Guid? RunId { get; }

    /// <summary>Whether nothing but this entry was written.</summary>
    public bool DryRun { get; }

    /// <summary>JSON: what else is known.</summary>
    public string? Metadata { get; }
}
