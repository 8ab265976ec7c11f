using System.Management.Automation;
using System.Runtime.CompilerServices;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Health;
using Linkage.Engine.Checks;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Checks that accounts and profiles match, and that what keeps them so is at work.</summary>
[Cmdlet(VerbsDiagnostic.Test, "UserSync")]
[OutputType(typeof(LinkageCheck), typeof(bool))]
public sealed class TestUserSyncCommand : CheckCmdlet
{
    private protected override async IAsyncEnumerable<CheckResult> CheckAsync(
        LinkageConnection connection, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var check in await new UserSyncChecks(connection.Engine).CheckAsync(cancellation))
            yield return check;
    }
}
