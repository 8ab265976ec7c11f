using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What the rules say of one delivery, or of one phone at an event.</summary>
public sealed class UserLinkResolution
{
    internal UserLinkResolution(LinkageConnection connection, Engine.UserLinks.UserLinkResolution resolution)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Table = resolution.Table;
        DeliveryId = resolution.DeliveryId;
        EventId = resolution.EventId;
        Phone = resolution.Phone;
        NormalizedPhone = resolution.NormalizedPhone;
        Outcome = resolution.Outcome;
        Rule = resolution.Rule;
        Reason = resolution.Reason;
        UserId = resolution.UserId;
        GuestId = resolution.GuestId;
        CurrentUserId = resolution.CurrentUserId;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was asked.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The target of the delivery that was asked about; null where an event and a phone were.</summary>
    public string? Table { get; }

    /// <summary>The delivery that was asked about; null where an event and a phone were.</summary>
    public string? DeliveryId { get; }

    /// <summary>The event.</summary>
    public string? EventId { get; }

    /// <summary>The phone as it was given or stands in the record.</summary>
    public string? Phone { get; }

    /// <summary>The phone in E.164; null where it is none.</summary>
    public string? NormalizedPhone { get; }

    /// <summary>linked, no_match, ambiguous or skipped.</summary>
    public string Outcome { get; }

    /// <summary>The rule that decided: guest, event phone or user phone.</summary>
    public string? Rule { get; }

    /// <summary>Why it is not linked.</summary>
    public string? Reason { get; }

    /// <summary>The user.</summary>
    public string? UserId { get; }

    /// <summary>The guest that the user came from.</summary>
    public string? GuestId { get; }

    /// <summary>The user that the delivery has already, which is never overwritten.</summary>
    public string? CurrentUserId { get; }
}
