using Linkage.Engine.Database;

namespace Linkage.Cmdlets.Database;

/// <summary>A database that a session works on. It may be passed to other runspaces, as with <c>$using:connection</c>.</summary>
public class LinkageConnection
{
    internal LinkageConnection(LinkageDatabase engine)
    {
        Engine = engine;
        ConnectionId = engine.Id;
        Server = engine.Server;
        Port = engine.Port;
        Database = engine.Database;
        User = engine.UserName;
        ServerVersion = engine.ServerVersion.ToString();
    }

    /// <summary>Tells this connection from every other; records found through it carry the same id.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The TCP port.</summary>
    public int Port { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The role that the server took the session for.</summary>
    public string User { get; }

    /// <summary>The server's version, such as <c>15.18</c>.</summary>
    public string ServerVersion { get; }

    /// <summary>Whether cmdlets of its runspace use it when no other is named.</summary>
    public bool IsDefault { get; internal set; }

    /// <summary>Whether it was disconnected; a cmdlet that gets it then reports an error.</summary>
    public bool IsClosed { get; private set; }

    internal LinkageDatabase Engine { get; }

    /// <summary>Server and database in short, as confirmations show them.</summary>
    public override string ToString() => $"{Server}:{Port}/{Database}";

    internal virtual ValueTask CloseAsync()
    {
        IsClosed = true;
        IsDefault = false;
        return Engine.DisposeAsync();
    }
}
