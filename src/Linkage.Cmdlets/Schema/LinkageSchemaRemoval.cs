using Linkage.Cmdlets.Database;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>What an uninstall did to one object.</summary>
public sealed class LinkageSchemaRemoval
{
    internal LinkageSchemaRemoval(LinkageConnection connection, SchemaRemoval removal, bool isPreview)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Kind = removal.Kind;
        Name = removal.Name;
        Status = (isPreview, removal.Action) switch
        {
            (true, "Removed") => "WouldRemove",
            (true, "Restored") => "WouldRestore",
            _ => removal.Action,
        };
        Message = removal.Reason ?? string.Empty;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>Trigger, Function, Index, Table, Column or Constraint.</summary>
    public string Kind { get; }

    /// <summary>The object, with its schema.</summary>
    public string Name { get; }

    /// <summary>Removed, Restored (to what stood there before Linkage) or Kept; WouldRemove and WouldRestore under -WhatIf.</summary>
    public string Status { get; }

    /// <summary>Why it was kept.</summary>
    public string Message { get; }

    /// <summary>The connection that it was done on.</summary>
    public Guid ConnectionId { get; }
}
