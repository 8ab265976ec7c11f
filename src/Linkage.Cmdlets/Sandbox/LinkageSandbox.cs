using System.Management.Automation;
using System.Net;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Database;
using Linkage.Engine.Sandbox;

namespace Linkage.Cmdlets.Sandbox;

/// <summary>A throwaway PostgreSQL and the connection to it. It is removed when the connection, the session or the module goes.</summary>
public sealed class LinkageSandbox : LinkageConnection
{
    private readonly PostgresSandbox _server;
    private readonly string? _password;

    internal LinkageSandbox(PostgresSandbox server, LinkageDatabase engine, string? password)
        : base(engine)
    {
        _server = server;
        _password = password;
        ProcessId = server.ProcessId;
        DataDirectory = server.DataDirectory;
        BinDirectory = server.BinDirectory;
    }

    /// <summary>The process id of the server's first process.</summary>
    public int ProcessId { get; }

    /// <summary>The folder of its data.</summary>
    public string DataDirectory { get; }

    /// <summary>The folder of the server's programs, <c>psql</c> among them where the installation has it.</summary>
    public string BinDirectory { get; }

    /// <summary>The role and password to connect with from elsewhere; a method, so that no output shows it.</summary>
    public PSCredential GetCredential() => new(User, new NetworkCredential(User, _password).SecurePassword);

    internal override async ValueTask CloseAsync()
    {
        await base.CloseAsync();
        await _server.DisposeAsync();
    }
}
