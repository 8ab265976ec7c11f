using System.Management.Automation;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Merges customers into one: every row that refers to them moves, and they leave a redirect.</summary>
[Cmdlet(VerbsData.Merge, "Customer", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(CustomerMergeResult))]
public sealed class MergeCustomerCommand : RunCmdlet
{
    /// <summary>The customers that go.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] From { get; set; } = [];

    /// <summary>The customer that stays.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Into { get; set; } = string.Empty;

    /// <summary>What becomes of rows that would have the same unique key.</summary>
    [Parameter]
    [ValidateSet("KeepSurvivor", "KeepNewest", "Fail")]
    public string OnConflict { get; set; } = "KeepSurvivor";

    /// <summary>Which table holds the customers, the database tells when the run starts.</summary>
    private protected override string? CurrentTable => null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var (from, into, policy) = (From, Into, OnConflict);
        RunOnEach((connection, cancellation) => RunOneAsync(
            connection,
            from.Length == 1 ? $"customer {from[0]}" : $"customers {string.Join(", ", from)}",
            $"Merge into customer {into}",
            (database, options, progress, stop) => new CustomerMerge(database).RunAsync(from, into, policy, options, progress, stop),
            cancellation));
    }

    private protected override object Result(RunReport report) => new CustomerMergeResult(report, Into);
}
