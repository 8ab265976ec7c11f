using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Lists profiles that have no account, and why.</summary>
[Cmdlet(VerbsCommon.Get, "OrphanedProfile")]
[OutputType(typeof(OrphanedProfile))]
public sealed class GetOrphanedProfileCommand : FindingCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach((connection, cancellation) => EmitAsync(
        new OrphanedProfiles(connection.Engine).FindAsync(cancellation),
        found => [found.Reason],
        found => new OrphanedProfile(connection, found)));
}
