using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>How often an outcome was audited for a table. Times are UTC.</summary>
public sealed class UserLinkAuditMeasure
{
    internal UserLinkAuditMeasure(LinkageConnection connection, Engine.UserLinks.UserLinkAuditMeasure measure)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Table = measure.Table;
        Outcome = measure.Outcome;
        Count = measure.Count;
        Events = measure.Events;
        FirstSeen = measure.FirstSeen;
        LastSeen = measure.LastSeen;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>By the audit's own name.</summary>
    public string Table { get; }

    /// <summary>What came out.</summary>
    public string Outcome { get; }

    /// <summary>Entries.</summary>
    public long Count { get; }

    /// <summary>Different events.</summary>
    public long Events { get; }

    /// <summary>The earliest entry.</summary>
    public DateTime FirstSeen { get; }

    /// <summary>The latest entry.</summary>
    public DateTime LastSeen { get; }
}
