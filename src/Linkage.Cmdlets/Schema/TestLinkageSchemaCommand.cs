using System.Management.Automation;
using System.Runtime.CompilerServices;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Health;
using Linkage.Engine.Checks;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>Checks whether Linkage's objects are there, of this version, as they were installed, and at work.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LinkageSchema")]
[OutputType(typeof(LinkageCheck), typeof(bool))]
public sealed class TestLinkageSchemaCommand : CheckCmdlet
{
    /// <inheritdoc/>
    private protected override async IAsyncEnumerable<CheckResult> CheckAsync(
        LinkageConnection connection, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var check in await new SchemaInspector(connection.Engine).CheckAsync(cancellation))
            yield return check;
    }
}
