using System.Management.Automation;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Switches triggers off that keep records linked.</summary>
[Cmdlet(VerbsLifecycle.Disable, "LinkageTrigger", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageTrigger))]
public sealed class DisableLinkageTriggerCommand : TriggerSwitchCmdlet
{
    private protected override bool IsOn => false;
}
