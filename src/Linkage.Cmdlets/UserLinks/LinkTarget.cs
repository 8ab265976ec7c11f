using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A table whose records get a user, and what its columns are called.</summary>
public sealed class LinkTarget
{
    internal LinkTarget(LinkageConnection connection, Engine.UserLinks.LinkTarget found, string? change = null)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Name = found.Name;
        Table = found.Table;
        KeyColumn = string.Join(", ", found.KeyColumns);
        PhoneColumn = found.PhoneColumn;
        UserColumn = found.UserColumn;
        GuestColumn = found.GuestColumn;
        EventColumn = found.EventColumn;
        CreatedAt = found.CreatedAt;
        Change = change;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>What it is called: its name in the audit.</summary>
    public string Name { get; }

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>The columns of its key, by commas.</summary>
    public string KeyColumn { get; }

    /// <summary>The column with the phone.</summary>
    public string PhoneColumn { get; }

    /// <summary>The column that is filled in.</summary>
    public string UserColumn { get; }

    /// <summary>The column with the guest, through whom the event is known.</summary>
    public string? GuestColumn { get; }

    /// <summary>The column with the event.</summary>
    public string? EventColumn { get; }

    /// <summary>When it was registered; UTC.</summary>
    public DateTime? CreatedAt { get; }

    /// <summary>Of a registration: Registered, Replaced, or Unchanged where it was registered so already.</summary>
    public string? Change { get; }
}
