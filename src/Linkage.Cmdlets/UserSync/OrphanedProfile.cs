using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserSync;

/// <summary>A profile without an account. Times are UTC.</summary>
public sealed class OrphanedProfile
{
    internal OrphanedProfile(LinkageConnection connection, Engine.UserSync.OrphanedProfile found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Id = found.ProfileId;
        Email = found.Email;
        CreatedAt = found.CreatedAt;
        Reason = found.Reason;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The profile's primary key.</summary>
    public string Id { get; }

    /// <summary>Its e-mail; null where profiles have none.</summary>
    public string? Email { get; }

    /// <summary>When it was created; null where profiles don't say.</summary>
    public DateTime? CreatedAt { get; }

    /// <summary>Why it has no account.</summary>
    public string Reason { get; }
}
