using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A delivery without a user, and what the rules say of it.</summary>
public sealed class UnlinkedDelivery
{
    internal UnlinkedDelivery(LinkageConnection connection, Engine.UserLinks.UnlinkedDelivery found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Table = found.Table;
        DeliveryId = found.DeliveryId;
        GuestId = found.GuestId;
        GuestName = found.GuestName;
        GuestUserId = found.GuestUserId;
        EventId = found.EventId;
        Phone = found.Phone;
        NormalizedPhone = found.NormalizedPhone;
        Linkable = found.Outcome == "linked";
        UserId = found.UserId;
        MatchedGuestId = found.MatchedGuestId;
        Outcome = found.Outcome;
        Rule = found.Rule;
        Reason = found.Reason;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The target.</summary>
    public string Table { get; }

    /// <summary>The record.</summary>
    public string DeliveryId { get; }

    /// <summary>Its own guest.</summary>
    public string? GuestId { get; }

    /// <summary>That guest's name.</summary>
    public string? GuestName { get; }

    /// <summary>That guest's user, also where the guest is removed.</summary>
    public string? GuestUserId { get; }

    /// <summary>The event.</summary>
    public string? EventId { get; }

    /// <summary>The phone as it stands in the record.</summary>
    public string? Phone { get; }

    /// <summary>The phone in E.164; null where it is none.</summary>
    public string? NormalizedPhone { get; }

    /// <summary>Whether a backfill would link it now.</summary>
    public bool Linkable { get; }

    /// <summary>The user that it has: none. Repair-UserLink compares it, so that what was linked meanwhile is left alone.</summary>
    public string? CurrentUserId { get; }

    /// <summary>The user that it would be linked to.</summary>
    public string? UserId { get; }

    /// <summary>The guest whom that user comes from.</summary>
    public string? MatchedGuestId { get; }

    /// <summary>linked (it would be), no_match, ambiguous or skipped.</summary>
    public string Outcome { get; }

    /// <summary>The rule that decides: guest, event phone or user phone.</summary>
    public string? Rule { get; }

    /// <summary>Why it would not be linked.</summary>
    public string? Reason { get; }
}
