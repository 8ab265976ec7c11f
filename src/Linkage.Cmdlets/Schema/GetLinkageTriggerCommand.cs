using System.Management.Automation;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>Lists Linkage's triggers on the application's tables, and whether they are at work.</summary>
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
            var triggers = await new OwnTriggers(connection.Engine).FindAsync(tables, cancellation);
            foreach (var trigger in Named(connection, triggers, names))
                Emit(new LinkageTrigger(connection, trigger, trigger.OffBy));
        });
    }
}
