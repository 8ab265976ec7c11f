using Linkage.Cmdlets.Database;
using Linkage.Engine.Health;

namespace Linkage.Cmdlets.Health;

/// <summary>What became of the records that were piped in, on one database.</summary>
public sealed class HealthSaveResult
{
    internal HealthSaveResult(LinkageConnection connection, HealthSaved done)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Saved = done.Saved;
        Removed = done.Removed;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was checked.</summary>
    public Guid ConnectionId { get; }

    /// <summary>How many records were stored.</summary>
    public long Saved { get; }

    /// <summary>How many old ones were removed.</summary>
    public long Removed { get; }
}
