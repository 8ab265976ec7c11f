using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>A record without a user, and what the rules say of it. Keys are text.</summary>
public sealed record UnlinkedDelivery
{
    /// <summary>The target.</summary>
    public string Table { get; init; } = "";

    /// <summary>The record.</summary>
    public string DeliveryId { get; init; } = "";

    /// <summary>Its own guest.</summary>
    public string? GuestId { get; init; }

    /// <summary>That guest's name.</summary>
    public string? GuestName { get; init; }

    /// <summary>That guest's user, also where the guest is removed.</summary>
    public string? GuestUserId { get; init; }

    /// <summary>The event.</summary>
    public string? EventId { get; init; }

    /// <summary>The phone as it stands in the record.</summary>
    public string? Phone { get; init; }

    /// <summary>The phone in E.164; null where it is none.</summary>
    public string? NormalizedPhone { get; init; }

    /// <summary>The guest whom the user would come from.</summary>
    public string? MatchedGuestId { get; init; }

    /// <summary>linked (it would be), no_match, ambiguous or skipped.</summary>
    public string Outcome { get; init; } = "";

    /// <summary>The rule that decides.</summary>
    public string? Rule { get; init; }

    /// <summary>Why it would not be linked.</summary>
    public string? Reason { get; init; }

    /// <summary>The user that it would be linked to.</summary>
    public string? UserId { get; init; }
}

/// <summary>Lists records that have no user.</summary>
/// <param name="database">Where they are.</param>
public sealed class UnlinkedDeliveries(LinkageDatabase database)
{
    /// <summary>Every record of a target that has no user, in key order, as they are read.</summary>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="linkableOnly">Only those that the rules would link now.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">There is no such target, or Linkage is not installed.</exception>
    public IAsyncEnumerable<UnlinkedDelivery> FindAsync(string table, bool linkableOnly, CancellationToken cancellation) =>
        new KeySetReader(database).ReadAsync<UnlinkedDelivery>(
            "SELECT linkage.unlinked_walk(@table)",
            EmbeddedSql.Read("UserLinks/find_unlinked.sql"),
            new { table, linkableOnly },
            "Linkage Get-UnlinkedDelivery",
            cancellation);
}
