using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Database;

/// <summary>Lists the open connections of the session, the default first.</summary>
[Cmdlet(VerbsCommon.Get, "LinkageConnection")]
[OutputType(typeof(LinkageConnection))]
public sealed class GetLinkageConnectionCommand : LinkageCmdlet
{
    /// <summary>Only the connection that cmdlets use when none is named.</summary>
    [Parameter]
    public SwitchParameter Default { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var connections = RunspaceConnections.Current.All
            .Where(connection => connection.IsDefault || !Default)
            .OrderByDescending(connection => connection.IsDefault)
            .ThenBy(connection => connection.ToString(), StringComparer.Ordinal);
        foreach (var connection in connections)
            WriteObject(connection);
    }
}
