using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>Removes Linkage's objects from a database and brings back what they replaced; never the application's data.</summary>
[Cmdlet(VerbsLifecycle.Uninstall, "LinkageSchema", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(LinkageSchemaRemoval))]
public sealed class UninstallLinkageSchemaCommand : DatabaseCmdlet
{
    private const int ActivityId = 1;

    /// <summary>Remove audit, runs and whatever else remembers too: nothing can be undone any more.</summary>
    [Parameter]
    public SwitchParameter IncludeHistory { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(UninstallAsync);

    private async Task UninstallAsync(LinkageConnection connection, CancellationToken cancellation)
    {
        var uninstaller = new SchemaUninstaller(connection.Engine, IncludeHistory);
        var plan = await uninstaller.PlanAsync(cancellation);
        var approval = await ApproveAsync(
            $"Linkage's schema on {connection}", IncludeHistory ? "Uninstall, with audit and runs" : "Uninstall, keeping audit and runs");
        if (approval == Approval.Declined)
            return;
        if (approval == Approval.WhatIf)
        {
            foreach (var removal in plan)
                Emit(new LinkageSchemaRemoval(connection, removal, isPreview: true));
            return;
        }

        void Show(string status) => Report(new ProgressRecord(ActivityId, $"Uninstalling Linkage's schema on {connection}", status));
        Show("Triggers and functions");
        await uninstaller.ApplyAsync(
            removal =>
            {
                Emit(new LinkageSchemaRemoval(connection, removal, isPreview: false));
                Show(removal.Name);
            },
            reason =>
            {
                EmitVerbose(reason);
                Show(reason);
            },
            cancellation);
    }
}
