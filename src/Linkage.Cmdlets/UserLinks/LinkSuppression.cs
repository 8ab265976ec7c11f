using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What an undo unlinked and nothing may link again: this record to this user.</summary>
public sealed class LinkSuppression
{
    internal LinkSuppression(LinkageConnection connection, Engine.UserLinks.LinkSuppression found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Table = found.Table;
        RecordId = found.RecordId;
        UserId = found.UserId;
        GuestId = found.GuestId;
        RunId = found.RunId;
        CreatedBy = found.CreatedBy;
        CreatedAt = found.CreatedAt;
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
    public string RecordId { get; }

    /// <summary>The user that it is kept from.</summary>
    public string UserId { get; }

    /// <summary>The guest whom the link came from; being linked anew lifts the suppression.</summary>
    public string? GuestId { get; }

    /// <summary>The undo.</summary>
    public Guid? RunId { get; }

    /// <summary>The role.</summary>
    public string CreatedBy { get; }

    /// <summary>When; UTC.</summary>
    public DateTime CreatedAt { get; }
}
