using System.Management.Automation;
using System.Runtime.CompilerServices;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Health;
using Linkage.Engine.Checks;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Checks that the key of each rule is there, and that nothing is there twice where it isn't.</summary>
[Cmdlet(VerbsDiagnostic.Test, "UniqueKey")]
[OutputType(typeof(LinkageCheck), typeof(bool))]
public sealed class TestUniqueKeyCommand : CheckCmdlet
{
    /// <summary>The names of the rules; all without it.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    public string[]? Rule { get; set; }

    private protected override string[] StandIns => [CmdletName, UniqueKeyChecks.NoRules];

    private protected override async IAsyncEnumerable<CheckResult> CheckAsync(
        LinkageConnection connection, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var check in new UniqueKeyChecks(connection.Engine).CheckAsync(Rule ?? [], cancellation))
        {
            // Nobody asked for a rule whose table is not there: with one Boolean for all, it says nothing.
            if (!(Quiet && Rule is null && check.Details.GetValueOrDefault("State") is "Absent"))
                yield return check;
        }
    }
}
