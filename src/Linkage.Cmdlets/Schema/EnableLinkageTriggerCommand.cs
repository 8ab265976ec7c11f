using System.Management.Automation;

namespace Linkage.Cmdlets.Schema;

/// <summary>Switches Linkage's triggers on the application's tables on.</summary>
[Cmdlet(VerbsLifecycle.Enable, "LinkageTrigger", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageTrigger))]
public sealed class EnableLinkageTriggerCommand : TriggerSwitchCmdlet
{
    private protected override bool IsOn => true;
}
