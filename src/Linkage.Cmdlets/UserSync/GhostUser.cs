using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserSync;

/// <summary>An active account without a profile. Times are UTC.</summary>
public sealed class GhostUser
{
    internal GhostUser(LinkageConnection connection, Engine.UserSync.GhostUser found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Id = found.AccountId;
        Email = found.Email;
        Phone = found.Phone;
        CreatedAt = found.CreatedAt;
        Reason = found.Reason;
        Repairable = found.Repairable;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The account.</summary>
    public string Id { get; }

    /// <summary>Its e-mail.</summary>
    public string? Email { get; }

    /// <summary>Its phone, as it stands in the account.</summary>
    public string? Phone { get; }

    /// <summary>When it signed up.</summary>
    public DateTime? CreatedAt { get; }

    /// <summary>Why it has no profile, as far as that is known.</summary>
    public string Reason { get; }

    /// <summary>Whether Repair-GhostUser can give it one as things are now.</summary>
    public bool Repairable { get; }
}
