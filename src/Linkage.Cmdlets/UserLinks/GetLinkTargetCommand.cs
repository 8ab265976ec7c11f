using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists the tables whose records get a user.</summary>
[Cmdlet(VerbsCommon.Get, "LinkTarget")]
[OutputType(typeof(LinkTarget))]
public sealed class GetLinkTargetCommand : DatabaseCmdlet
{
    /// <summary>The targets, by their names.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <summary>The targets, by their tables in SQL notation.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? Table { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        foreach (var target in await new LinkTargets(connection.Engine).FindAsync(Name, Table, cancellation))
            Emit(new LinkTarget(connection, target));
    });
}
