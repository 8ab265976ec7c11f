using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A switch of the application that linking goes by.</summary>
public sealed class LinkageFeatureFlag
{
    internal LinkageFeatureFlag(LinkageConnection connection, Engine.UserLinks.FeatureFlag flag)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Name = flag.Name;
        Enabled = flag.IsEnabled;
        Stored = flag.IsStored;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Whether it is on, as get_feature_flag says, by which linking goes.</summary>
    public bool? Enabled { get; }

    /// <summary>What feature_flags says; null where it has no such flag, or where the application keeps its flags elsewhere.</summary>
    public bool? Stored { get; }
}
