using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Forgets rules that were registered. Their indexes stay.</summary>
[Cmdlet(VerbsLifecycle.Unregister, "UniqueKeyRule", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(UniqueKeyRule))]
public sealed class UnregisterUniqueKeyRuleCommand : DatabaseCmdlet
{
    /// <summary>Their names.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Rule")]
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
        var rules = new UniqueKeyRules(connection.Engine);
        var found = await rules.UnregisterAsync(name, isPlan: true, cancellation);
        var approval = await ApproveAsync($"rule {found.Name} of table {found.Table} on {connection}", "Unregister");
        if (approval == Approval.Given)
            found = await rules.UnregisterAsync(found.Name, isPlan: false, cancellation);
        if (approval != Approval.Declined)
            Emit(new UniqueKeyRule(connection, found, "Unregistered"));
    }
}
