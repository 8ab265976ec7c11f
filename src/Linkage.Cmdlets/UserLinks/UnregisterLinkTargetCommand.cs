using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Takes a target's triggers away and forgets it; its audit and runs stay.</summary>
[Cmdlet(VerbsLifecycle.Unregister, "LinkTarget", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(LinkTargetRemoval))]
public sealed class UnregisterLinkTargetCommand : DatabaseCmdlet
{
    private const int ActivityId = 1;

    /// <summary>The targets, each by its name or its table in SQL notation.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var name in Name)
            RunOnEach((connection, cancellation) => UnregisterAsync(connection, name, cancellation));
    }

    private async Task UnregisterAsync(LinkageConnection connection, string name, CancellationToken cancellation)
    {
        var targets = new LinkTargets(connection.Engine);
        var removal = await targets.PlanRemovalAsync(name, cancellation);
        var approval = await ApproveAsync(
            $"link target {removal.Target.Name} ({removal.Target.Table}) on {connection}", "Unregister, and drop its triggers");
        if (approval == Approval.Declined)
            return;
        if (approval == Approval.Given)
        {
            removal = await targets.UnregisterAsync(
                removal.Target.Name,
                reason =>
                {
                    EmitVerbose(reason);
                    Report(new ProgressRecord(ActivityId, $"Unregistering {name} on {connection}", reason));
                },
                cancellation);
        }

        Emit(new LinkTargetRemoval(connection, removal));
    }
}
