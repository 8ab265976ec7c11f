using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A delivery whose user is somebody else's by what is known now. Times are UTC.</summary>
public sealed class WrongUserLink
{
    internal WrongUserLink(LinkageConnection connection, Engine.UserLinks.WrongUserLink found)
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
        UserId = found.UserId;
        ExpectedUserId = found.ExpectedUserId;
        Rule = found.Rule;
        LinkedAt = found.LinkedAt;
        RunId = found.RunId;
        Source = found.Source;
        Reason = string.Join("; ", found.Reasons);
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

    /// <summary>The user that the delivery has.</summary>
    public string UserId { get; }

    /// <summary>The user that the rules give; null where they give none, or an undo keeps the delivery from that one.</summary>
    public string? ExpectedUserId { get; }

    /// <summary>The rule by which it was linked; null if Linkage did not link it.</summary>
    public string? Rule { get; }

    /// <summary>When it was linked; null if Linkage did not link it.</summary>
    public DateTime? LinkedAt { get; }

    /// <summary>The run that linked it; null for what triggers did, and if Linkage did not link it.</summary>
    public Guid? RunId { get; }

    /// <summary>What linked it: trigger, backfill, guest link, manual, undo or repair; null if Linkage did not.</summary>
    public string? Source { get; }

    /// <summary>All that speaks against the link, separated by semicolons.</summary>
    public string Reason { get; }
}
