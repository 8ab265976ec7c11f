using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Customers;

/// <summary>What somebody decided about two leads. Times are UTC.</summary>
public sealed class CustomerDecision
{
    internal CustomerDecision(LinkageConnection connection, Engine.Customers.CustomerDecision found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Lead = new TextList([found.LeadA, found.LeadB]);
        Decision = found.Decision == "must-link" ? "MustLink" : "CannotLink";
        Reason = found.Reason;
        DecidedBy = found.DecidedBy;
        DecidedAt = found.DecidedAt;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it stands on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The keys of the two leads.</summary>
    public TextList Lead { get; }

    /// <summary>MustLink (they are one person) or CannotLink (they are not).</summary>
    public string Decision { get; }

    /// <summary>Why.</summary>
    public string? Reason { get; }

    /// <summary>Who decided it: a role of the server.</summary>
    public string DecidedBy { get; }

    /// <summary>When.</summary>
    public DateTime DecidedAt { get; }
}
