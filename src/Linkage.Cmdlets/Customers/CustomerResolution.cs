using Linkage.Cmdlets.Database;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Who a customer is by now.</summary>
public sealed class CustomerResolution
{
    internal CustomerResolution(LinkageConnection connection, ResolvedCustomer resolved)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Customer = resolved.Asked;
        CustomerId = resolved.CustomerId;
        Exists = resolved.Exists;
        Steps = resolved.Steps;
        RunId = resolved.RunId;
        MergedAt = resolved.MergedAt;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The id that was asked about.</summary>
    public string Customer { get; }

    /// <summary>The customer that it is by now, itself where it was not merged; null where the text is no id of a customer.</summary>
    public string? CustomerId { get; }

    /// <summary>Whether that customer is there.</summary>
    public bool Exists { get; }

    /// <summary>How many merges lie between.</summary>
    public int Steps { get; }

    /// <summary>The run that merged it; null where none did.</summary>
    public Guid? RunId { get; }

    /// <summary>When that was; UTC.</summary>
    public DateTime? MergedAt { get; }
}
