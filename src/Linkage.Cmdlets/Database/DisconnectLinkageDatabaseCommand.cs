using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;

namespace Linkage.Cmdlets.Database;

/// <summary>Closes connections: the named ones, or the default.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "LinkageDatabase")]
[OutputType(typeof(void))]
public sealed class DisconnectLinkageDatabaseCommand : LinkageCmdlet
{
    /// <summary>The connections to close.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public LinkageConnection[]? Connection { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var session = RunspaceConnections.Current;
        if ((Connection ?? (session.Default is { } current ? [current] : null)) is not { } connections)
        {
            WriteError(ErrorRecords.Create(
                "Linkage.Connection.None", FaultKind.InvalidState, "There is no default connection to close; pass -Connection.", null));
            return;
        }

        Run(async _ =>
        {
            foreach (var connection in connections)
                await session.CloseAsync(connection);
        });
    }
}
