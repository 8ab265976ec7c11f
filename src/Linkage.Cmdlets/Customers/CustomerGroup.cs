using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Customers;

/// <summary>Leads that are one person, and the customer that is theirs.</summary>
public sealed class CustomerGroup
{
    internal CustomerGroup(LinkageConnection connection, Engine.Customers.CustomerGroup found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        GroupType = found.GroupType;
        GroupKey = found.GroupKey;
        Leads = found.LeadIds.Length;
        LinkedLeads = found.IsLinked.Count(linked => linked);
        Lead = new TextList(found.LeadIds);
        CustomerId = found.CustomerId;
        Name = found.Name;
        Phone = found.Phone;
        Email = found.Email;
        Reason = found.Reason;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>By what they are a group: psid, phone, email or individual.</summary>
    public string GroupType { get; }

    /// <summary>What tells the group from all others, such as <c>phone:+15551234567</c>.</summary>
    public string GroupKey { get; }

    /// <summary>How many leads it has.</summary>
    public int Leads { get; }

    /// <summary>How many of them have a customer already.</summary>
    public int LinkedLeads { get; }

    /// <summary>The keys of its leads, the oldest first.</summary>
    public TextList Lead { get; }

    /// <summary>The customer that is there already; null where one would be made.</summary>
    public string? CustomerId { get; }

    /// <summary>The name of a customer that is made.</summary>
    public string? Name { get; }

    /// <summary>Its phone.</summary>
    public string? Phone { get; }

    /// <summary>Its e-mail.</summary>
    public string? Email { get; }

    /// <summary>What somebody should know who asks why; null for nothing.</summary>
    public string? Reason { get; }
}
