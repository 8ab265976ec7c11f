using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A phone that several guests of an event have, or several users: a person has to say which one is meant. Times are UTC.</summary>
public sealed class AmbiguousUserLink
{
    internal AmbiguousUserLink(LinkageConnection connection, Engine.UserLinks.AmbiguousUserLink found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        EventId = found.EventId;
        Phone = found.Phone;
        Count = found.Count;
        Records = found.Records;
        Guests = found.Guests;
        GuestIds = found.GuestIds;
        GuestNames = found.GuestNames;
        Users = found.Users;
        FirstSeen = found.FirstSeen;
        LastSeen = found.LastSeen;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The event.</summary>
    public string? EventId { get; }

    /// <summary>The phone in E.164.</summary>
    public string? Phone { get; }

    /// <summary>Entries.</summary>
    public long Count { get; }

    /// <summary>Different records.</summary>
    public long Records { get; }

    /// <summary>How many active guests of the event have the phone now.</summary>
    public long Guests { get; }

    /// <summary>At most ten of them.</summary>
    public string GuestIds { get; }

    /// <summary>The names of the same ten.</summary>
    public string GuestNames { get; }

    /// <summary>How many users have the phone now.</summary>
    public long Users { get; }

    /// <summary>The earliest entry.</summary>
    public DateTime FirstSeen { get; }

    /// <summary>The latest entry.</summary>
    public DateTime LastSeen { get; }
}
