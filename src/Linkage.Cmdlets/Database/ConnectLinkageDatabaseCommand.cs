using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Database;

namespace Linkage.Cmdlets.Database;

/// <summary>Connects to a database and makes it the default of the session.</summary>
[Cmdlet(VerbsCommunications.Connect, "LinkageDatabase", DefaultParameterSetName = ByString)]
[OutputType(typeof(LinkageConnection))]
public sealed class ConnectLinkageDatabaseCommand : LinkageCmdlet
{
    private const string ByString = "ConnectionString";
    private const string ByParts = "Server";

    /// <summary>Npgsql's keyword form, or a <c>postgresql://</c> URI; without it the <c>PG*</c> variables say where.</summary>
    [Parameter(Position = 0, ParameterSetName = ByString)]
    [ValidateNotNullOrEmpty]
    public string? ConnectionString { get; set; }

    /// <summary>A host name, an address, or the folder of a socket.</summary>
    [Parameter(ParameterSetName = ByParts)]
    [ValidateNotNullOrEmpty]
    public string? Server { get; set; }

    /// <summary>The TCP port.</summary>
    [Parameter(ParameterSetName = ByParts)]
    [ValidateRange(1, 65535)]
    public int? Port { get; set; }

    /// <summary>The database's name.</summary>
    [Parameter(ParameterSetName = ByParts)]
    [ValidateNotNullOrEmpty]
    public string? Database { get; set; }

    /// <summary>The role and its password.</summary>
    [Parameter(ParameterSetName = ByParts)]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>How far the session is encrypted and the server checked.</summary>
    [Parameter(ParameterSetName = ByParts)]
    [ValidateSet("Disable", "Allow", "Prefer", "Require", "VerifyCA", "VerifyFull")]
    public string? SslMode { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        SecretLine.Redact(MyInvocation, ConnectionString);
        var session = RunspaceConnections.Current;

        // Were the former default to stay, a script that goes on after a failure would work on the wrong database.
        session.SetDefault(null);
        Run(async cancellation =>
        {
            var settings = Settings();
            EmitVerbose($"Connecting to {settings}.");
            var connection = new LinkageConnection(await settings.OpenAsync(cancellation));
            session.Add(connection);
            session.SetDefault(connection);
            Emit(connection);
        });
    }

    private ConnectionSettings Settings()
    {
        Func<string, string?> environment = Environment.GetEnvironmentVariable;
        if (ConnectionString is { } text)
            return ConnectionSettings.Parse(text, environment);
        var login = Credential?.GetNetworkCredential();
        return ConnectionSettings.Create(Server, Port, Database, login?.UserName, login?.Password, SslMode, environment);
    }
}
