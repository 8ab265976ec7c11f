using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

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
        var triggers = new LinkTriggers(connection.Engine);
        Dictionary<int, IReadOnlyList<LinkTrigger>> wanted = [];
        foreach (var (tables, names) in asked)
        {
            var found = await triggers.FindAsync(tables, cancellation);
            foreach (var number in Named(connection, found, names).Select(trigger => trigger.Number))
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

    private async Task SwitchAsync(
        LinkageConnection connection, LinkTriggers triggers, IReadOnlyList<LinkTrigger> together, CancellationToken cancellation)
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
