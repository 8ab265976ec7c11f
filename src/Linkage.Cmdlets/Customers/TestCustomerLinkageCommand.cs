using System.Management.Automation;
using System.Runtime.CompilerServices;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Health;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Checks;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Checks that leads, customers and what follows leads belong together as they should.</summary>
[Cmdlet(VerbsDiagnostic.Test, "CustomerLinkage")]
[OutputType(typeof(LinkageCheck), typeof(bool))]
public sealed class TestCustomerLinkageCommand : CheckCmdlet
{
    /// <summary>How many leads a customer may have before it is unusually large.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int MaxLeads { get; set; } = 5;

    /// <summary>How long ago the last backfill may be.</summary>
    [Parameter]
    [Duration(Positive = true)]
    public TimeSpan AuditAge { get; set; } = TimeSpan.FromDays(7);

    private protected override async IAsyncEnumerable<CheckResult> CheckAsync(
        LinkageConnection connection, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var options = new CustomerCheckOptions { MaxLeads = MaxLeads, AuditAge = AuditAge };
        foreach (var check in await new CustomerChecks(connection.Engine).CheckAsync(options, cancellation))
            yield return check;
    }
}
