using System.Management.Automation;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists the triggers that keep records linked, and whether they are at work.</summary>
[Cmdlet(VerbsCommon.Get, "LinkageTrigger")]
[OutputType(typeof(LinkageTrigger))]
public sealed class GetLinkageTriggerCommand : TriggerCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var (tables, names) = (Table, Trigger);
        RunOnEach(async (connection, cancellation) =>
        {
            var triggers = await new LinkTriggers(connection.Engine).FindAsync(tables, cancellation);
            foreach (var trigger in Named(connection, triggers, names))
                Emit(new LinkageTrigger(connection, trigger, trigger.OffBy));
        });
    }
}
