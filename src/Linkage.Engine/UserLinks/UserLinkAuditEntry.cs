namespace Linkage.Engine.UserLinks;

/// <summary>What was decided of one record, and done to it. Keys are text, times UTC.</summary>
public sealed record UserLinkAuditEntry
{
    /// <summary>The entry's own id.</summary>
    public string AuditId { get; init; } = "";

    /// <summary>When the transaction began that wrote it.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>The target, or the name for its guest links.</summary>
    public string Table { get; init; } = "";

    /// <summary>The record; null for a fault that concerns no single one.</summary>
    public string? RecordId { get; init; }

    /// <summary>The event.</summary>
    public string? EventId { get; init; }

    /// <summary>The phone in E.164.</summary>
    public string? Phone { get; init; }

    /// <summary>The guest whom the user came from.</summary>
    public string? GuestId { get; init; }

    /// <summary>The user that the record has since; of a conflict, the one that was to be taken away.</summary>
    public string? UserId { get; init; }

    /// <summary>The user that the record had before.</summary>
    public string? PreviousUserId { get; init; }

    /// <summary>linked, no_match, ambiguous, skipped; of an undo unlinked, unchanged, conflict.</summary>
    public string Outcome { get; init; } = "";

    /// <summary>guest, event phone or user phone.</summary>
    public string? Rule { get; init; }

    /// <summary>trigger, backfill, guest link, manual, undo or repair; null for what was audited before Linkage.</summary>
    public string? Source { get; init; }

    /// <summary>Why it was skipped or is a conflict.</summary>
    public string? Reason { get; init; }

    /// <summary>The run; null for what triggers did.</summary>
    public Guid? RunId { get; init; }

    /// <summary>Whether nothing but this entry was written.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>JSON: what else is known.</summary>
    public string? Metadata { get; init; }
}

/// <summary>How often an outcome was audited for a table.</summary>
/// <param name="Table">By the audit's own name.</param>
/// <param name="Outcome">What came out.</param>
/// <param name="Count">Entries.</param>
/// <param name="Events">Different events.</param>
/// <param name="FirstSeen">UTC.</param>
/// <param name="LastSeen">UTC.</param>
public sealed record UserLinkAuditMeasure(
    string Table, string Outcome, long Count, long Events, DateTime FirstSeen, DateTime LastSeen);

/// <summary>A phone that several have at an event, or several users: a person has to say which one is meant.</summary>
/// <param name="EventId">The event.</param>
/// <param name="Phone">In E.164.</param>
/// <param name="Count">Entries.</param>
/// <param name="Records">Different records.</param>
/// <param name="Guests">Active guests of the event who have the phone now.</param>
/// <param name="GuestIds">At most ten of them.</param>
/// <param name="GuestNames">The same ten's.</param>
/// <param name="Users">Users who have the phone now.</param>
/// <param name="FirstSeen">UTC.</param>
/// <param name="LastSeen">UTC.</param>
public sealed record AmbiguousUserLink(
    string? EventId, string? Phone, long Count, long Records, long Guests, string GuestIds, string GuestNames, long Users,
    DateTime FirstSeen, DateTime LastSeen);
