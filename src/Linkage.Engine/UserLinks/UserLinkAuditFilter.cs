namespace Linkage.Engine.UserLinks;

/// <summary>Which audit entries to list; what is null does not matter.</summary>
public sealed record UserLinkAuditFilter
{
    /// <summary>By the audit's own names, of which guest links have one to themselves: <c>message_deliveries_backfill</c>.</summary>
    public string[]? Tables { get; init; }

    /// <summary>linked, no_match, ambiguous, skipped, unlinked, unchanged, conflict.</summary>
    public string[]? Outcomes { get; init; }

    /// <summary>guest, event phone, user phone.</summary>
    public string[]? Rules { get; init; }

    /// <summary>trigger, backfill, guest link, manual, undo, repair.</summary>
    public string[]? Sources { get; init; }

    /// <summary>What this run examined; a dry run's entries too.</summary>
    public Guid? RunId { get; init; }

    /// <summary>The record's key as text.</summary>
    public string? RecordId { get; init; }

    /// <summary>The event.</summary>
    public string? EventId { get; init; }

    /// <summary>A phone in any written form.</summary>
    public string? Phone { get; init; }

    /// <summary>Links to this user, and those away from it.</summary>
    public string? UserId { get; init; }

    /// <summary>At this time or later.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Before this time.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Whether what dry runs recorded is listed too.</summary>
    public bool WithDryRuns { get; init; }

    /// <summary>At most so many.</summary>
    public long? First { get; init; }
}
