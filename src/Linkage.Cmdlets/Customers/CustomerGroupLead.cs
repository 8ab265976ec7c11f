using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Customers;

/// <summary>Why a lead is in its group.</summary>
public sealed class CustomerGroupLead
{
    internal CustomerGroupLead(LinkageConnection connection, Engine.Customers.ExplainedLead found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Lead = found.LeadId;
        GroupKey = found.GroupKey;
        Via = found.Via;
        Refused = new TextList(found.Refused);
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The lead's key.</summary>
    public string Lead { get; }

    /// <summary>Its group's key.</summary>
    public string GroupKey { get; }

    /// <summary>
    /// What put it there: <c>decision</c>, an identifier that others of the group have too, or the group's key where it stands alone.
    /// </summary>
    public string Via { get; }

    /// <summary>Identifiers that others have too and that joined it to none of those, each with the reason.</summary>
    public TextList Refused { get; }
}
