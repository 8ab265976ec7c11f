using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace Linkage.Cmdlets.Database;

/// <summary>The open connections of one runspace. They are closed with it, or when it removes the module.</summary>
internal sealed class RunspaceConnections
{
    private static readonly ConditionalWeakTable<Runspace, RunspaceConnections> _byRunspace = [];

    private readonly object _gate = new();
    private readonly Dictionary<Guid, LinkageConnection> _open = [];
    private readonly Dictionary<string, LinkageConnection> _fromEnvironment = [];

    /// <summary>Those of the runspace whose pipeline runs on this thread.</summary>
    public static RunspaceConnections Current => _byRunspace.GetValue(Runspace.DefaultRunspace, Create);

    /// <summary>The one that cmdlets use when no other is named; null if there is none.</summary>
    public LinkageConnection? Default { get; private set; }

    /// <summary>All, in no particular order.</summary>
    public IReadOnlyList<LinkageConnection> All
    {
        get
        {
            lock (_gate)
                return [.. _open.Values];
        }
    }

    /// <summary>Closes what this thread's runspace has open, and forgets it.</summary>
    public static void CloseCurrent()
    {
        if (Runspace.DefaultRunspace is { } runspace && _byRunspace.TryGetValue(runspace, out var connections))
        {
            _byRunspace.Remove(runspace);
            connections.CloseAll();
        }
    }

    public LinkageConnection? Find(Guid connectionId)
    {
        lock (_gate)
            return _open.GetValueOrDefault(connectionId);
    }

    public void Add(LinkageConnection connection)
    {
        lock (_gate)
            _open.Add(connection.ConnectionId, connection);
    }

    public void SetDefault(LinkageConnection? connection)
    {
        lock (_gate)
        {
            if (Default is { } former)
                former.IsDefault = false;
            Default = connection;
            if (connection is not null)
                connection.IsDefault = true;
        }
    }

    /// <summary>The connection that these <c>PG*</c> settings opened before, if it is still open.</summary>
    public LinkageConnection? FindFromEnvironment(string settings)
    {
        lock (_gate)
            return _fromEnvironment.GetValueOrDefault(settings);
    }

    /// <summary>Keeps a connection that <c>PG*</c> settings opened; it never becomes the default, since the variables may change.</summary>
    public void AddFromEnvironment(string settings, LinkageConnection connection)
    {
        lock (_gate)
            _fromEnvironment[settings] = connection;
        Add(connection);
    }

    /// <summary>Closes one connection; it need not be this runspace's.</summary>
    public async Task CloseAsync(LinkageConnection connection)
    {
        lock (_gate)
        {
            _open.Remove(connection.ConnectionId);
            foreach (var (settings, _) in _fromEnvironment.Where(entry => entry.Value == connection).ToList())
                _fromEnvironment.Remove(settings);
            if (Default == connection)
                Default = null;
        }

        await connection.CloseAsync();
    }

    private static RunspaceConnections Create(Runspace runspace)
    {
        var connections = new RunspaceConnections();
        runspace.StateChanged += (_, change) =>
        {
            if (change.RunspaceStateInfo.State is RunspaceState.Closed or RunspaceState.Broken)
                connections.CloseAll();
        };
        return connections;
    }

    private void CloseAll()
    {
        foreach (var connection in All)
            CloseAsync(connection).GetAwaiter().GetResult();
    }
}
