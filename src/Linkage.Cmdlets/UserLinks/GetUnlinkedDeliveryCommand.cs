using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists deliveries that have no user, and why.</summary>
[Cmdlet(VerbsCommon.Get, "UnlinkedDelivery")]
[OutputType(typeof(UnlinkedDelivery))]
public sealed class GetUnlinkedDeliveryCommand : DeliveryListCmdlet
{
    /// <summary>Only those that a backfill would link now.</summary>
    [Parameter]
    public SwitchParameter Linkable { get; set; }

    private protected override Task ListAsync(LinkageConnection connection, string table, CancellationToken cancellation) => EmitAsync(
        new UnlinkedDeliveries(connection.Engine).FindAsync(table, Linkable, cancellation),
        found => [found.Reason ?? string.Empty],
        found => new UnlinkedDelivery(connection, found));
}
