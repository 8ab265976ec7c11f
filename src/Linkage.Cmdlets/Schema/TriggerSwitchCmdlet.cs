using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>
/// The base of the cmdlets that switch triggers. What is piped in is gathered, since triggers that belong together are switched, and
/// asked for, once.
/// </summary>
public abstract class TriggerSwitchCmdlet : TriggerCmdlet
{
    private readonly List<(LinkageConnection Connection, string[]? Tables, string[]? Names)> _asked = [];

    /// <summary>Whether triggers are switched on.</summary>
    private protected abstract bool IsOn { get; }

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        _asked.AddRange(CurrentConnections().Select(connection => (connection, Table, Trigger)));

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (var group in _asked.GroupBy(asked => asked.Connection))
        {
            RunOn(
                [group.Key],
                (connection, cancellation) => SwitchAsync(connection, [.. group.Select(asked => (asked.Tables, asked.Names))], cancellation));
        }
    }

    private async Task SwitchAsync(
        LinkageConnection connection, List<(string[]? Tables, string[]? Names)> asked, CancellationToken cancellation)
    {
        var triggers = new OwnTriggers(connection.Engine);
        Dictionary<int, IReadOnlyList<OwnTrigger>> wanted = [];
        foreach (var (tables, names) in asked)
        {
            var found = await triggers.FindAsync(tables, cancellation);
            var meant = Named(connection, found, names).Where(trigger => names is not null || IsMeant(trigger));
            foreach (var number in meant.Select(trigger => trigger.Number))
                wanted.TryAdd(number, [.. found.Where(trigger => trigger.Number == number)]);
        }

        foreach (var together in wanted.Values)
        {
            try
            {
                await SwitchAsync(connection, triggers, together, cancellation);
            }
            catch (Exception fault) when (!cancellation.IsCancellationRequested)
            {
                EmitError(fault, $"{together[0].Table} on {connection}");
            }
        }
    }

    /// <summary>
    /// Whether a trigger is switched where none is named. An optional one that does not fire stays so, and unmentioned: nobody has asked for
    /// it yet, and who switches the others off and on again does not.
    /// </summary>
    private static bool IsMeant(OwnTrigger trigger) => !trigger.IsOptional || trigger.State is "Enabled" or "Always";

    private async Task SwitchAsync(
        LinkageConnection connection, OwnTriggers triggers, IReadOnlyList<OwnTrigger> together, CancellationToken cancellation)
    {
        var names = string.Join(" and ", together.Select(trigger => trigger.Name));
        var approval = await ApproveAsync($"{names} of {together[0].Table} on {connection}", IsOn ? "Enable" : "Disable");
        if (approval == Approval.Declined)
            return;
        if (approval == Approval.WhatIf)
        {
            foreach (var trigger in together)
            {
                var switched = trigger.State == "Missing" ? trigger : trigger.Switched(IsOn);
                Emit(new LinkageTrigger(connection, switched, IsOn ? trigger.OffBy : switched.OffBy));
            }

            return;
        }

        var used = await triggers.SwitchAsync(together[0], IsOn, EmitVerbose, cancellation);
        foreach (var trigger in await triggers.FindAsync(null, cancellation))
        {
            if (trigger.Number == together[0].Number)
                Emit(new LinkageTrigger(connection, trigger, IsOn ? used : trigger.OffBy));
        }
    }
}
