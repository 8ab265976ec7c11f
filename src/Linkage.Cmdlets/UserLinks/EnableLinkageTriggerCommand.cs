using System.Management.Automation;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Switches triggers on that keep records linked.</summary>
[Cmdlet(VerbsLifecycle.Enable, "LinkageTrigger", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageTrigger))]
public sealed class EnableLinkageTriggerCommand : TriggerSwitchCmdlet
{
    private protected override bool IsOn => true;
}
