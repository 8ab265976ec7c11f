using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.Customers;

/// <summary>A table of customers, leads or what belongs to them, and what its columns are called.</summary>
public sealed class CustomerTable
{
    internal CustomerTable(LinkageConnection connection, Engine.Customers.CustomerTable table, string change)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Role = string.Concat(table.Role[..1].ToUpperInvariant(), table.Role.AsSpan(1));
        Table = table.Table;
        KeyColumn = table.Columns.GetValueOrDefault("key");
        NameColumn = table.Columns.GetValueOrDefault("name");
        PhoneColumn = table.Columns.GetValueOrDefault("phone");
        EmailColumn = table.Columns.GetValueOrDefault("email");
        PsidColumn = table.Columns.GetValueOrDefault("psid");
        AddressColumn = table.Columns.GetValueOrDefault("address");
        CustomerColumn = table.Columns.GetValueOrDefault("customer");
        LeadColumn = table.Columns.GetValueOrDefault("lead");
        MetadataColumn = table.Columns.GetValueOrDefault("metadata");
        CreatedAtColumn = table.Columns.GetValueOrDefault("created_at");
        RegisteredBy = table.RegisteredBy;
        RegisteredAt = table.RegisteredAt;
        Change = change;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>What is in it: Lead, Customer, Address, Audit or Follower.</summary>
    public string Role { get; }

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>The column of its key; null where the role needs none.</summary>
    public string? KeyColumn { get; }

    /// <summary>The column with the name; null where there is none.</summary>
    public string? NameColumn { get; }

    /// <summary>The column with the phone; null where there is none.</summary>
    public string? PhoneColumn { get; }

    /// <summary>The column with the e-mail; null where there is none.</summary>
    public string? EmailColumn { get; }

    /// <summary>The column with the messenger's PSID; null where there is none.</summary>
    public string? PsidColumn { get; }

    /// <summary>The column with the address; null where there is none.</summary>
    public string? AddressColumn { get; }

    /// <summary>The column that refers to the customer; null where there is none.</summary>
    public string? CustomerColumn { get; }

    /// <summary>The column that refers to the lead; null where there is none.</summary>
    public string? LeadColumn { get; }

    /// <summary>The column that says by what a customer was made; null where there is none.</summary>
    public string? MetadataColumn { get; }

    /// <summary>The column with the time at which the row came; null where there is none.</summary>
    public string? CreatedAtColumn { get; }

    /// <summary>Who registered it.</summary>
    public string RegisteredBy { get; }

    /// <summary>When, UTC; null for what is only planned.</summary>
    public DateTime? RegisteredAt { get; }

    /// <summary>Registered, Replaced, Unchanged or Unregistered; None where it was only listed.</summary>
    public string Change { get; }
}
