using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists deliveries whose user is somebody else's by what is known now, and why.</summary>
[Cmdlet(VerbsCommon.Get, "WrongUserLink")]
[OutputType(typeof(WrongUserLink))]
public sealed class GetWrongUserLinkCommand : DeliveryListCmdlet
{
    private protected override Task ListAsync(LinkageConnection connection, string table, CancellationToken cancellation) => EmitAsync(
        new WrongUserLinks(connection.Engine).FindAsync(table, cancellation),
        found => found.Reasons,
        found => new WrongUserLink(connection, found));
}
