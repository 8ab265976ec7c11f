using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Lists accounts that have no profile, and why.</summary>
[Cmdlet(VerbsCommon.Get, "GhostUser")]
[OutputType(typeof(GhostUser))]
public sealed class GetGhostUserCommand : FindingCmdlet
{
    /// <summary>Only those that can be repaired as things are now.</summary>
    [Parameter]
    public SwitchParameter Repairable { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach((connection, cancellation) => EmitAsync(
        new GhostUsers(connection.Engine).FindAsync(Repairable, cancellation),
        found => [found.Reason],
        found => new GhostUser(connection, found)));
}
