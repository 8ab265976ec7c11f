using System.Management.Automation;

namespace Linkage.Cmdlets.Schema;

/// <summary>Switches Linkage's triggers on the application's tables off.</summary>
[Cmdlet(VerbsLifecycle.Disable, "LinkageTrigger", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageTrigger))]
public sealed class DisableLinkageTriggerCommand : TriggerSwitchCmdlet
{
    private protected override bool IsOn => false;
}
