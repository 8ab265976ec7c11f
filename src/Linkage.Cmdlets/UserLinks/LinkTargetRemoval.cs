using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A target that is registered no more, or would be, and what stays of it beside its audit.</summary>
public sealed class LinkTargetRemoval
{
    internal LinkTargetRemoval(LinkageConnection connection, Engine.UserLinks.LinkTargetRemoval removal)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Name = removal.Target.Name;
        Table = removal.Target.Table;
        Runs = removal.Runs;
        Suppressions = removal.Suppressions;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was registered on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>What it was called: its name in the audit, which stays.</summary>
    public string Name { get; }

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>Its runs that stay, and that could be undone if it were registered again.</summary>
    public long Runs { get; }

    /// <summary>Suppressions that stay, and that hold again if it is registered again.</summary>
    public long Suppressions { get; }
}
