using System.Management.Automation;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Gives leads their customers, those that are there or new ones, and what follows the leads too.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "CustomerBackfill", SupportsShouldProcess = true)]
[OutputType(typeof(CustomerBackfillResult))]
public sealed class InvokeCustomerBackfillCommand : RunCmdlet
{
    /// <summary>Which leads are one person.</summary>
    [Parameter(Position = 0)]
    [ValidateSet("Priority", "Transitive")]
    public string Match { get; set; } = "Priority";

    /// <summary>How many records may share an identifier for it to say something; of transitive groups.</summary>
    [Parameter]
    [ValidateRange(CustomerMatch.LeastMaxShared, CustomerMatch.GreatestMaxShared)]
    public int MaxShared { get; set; } = CustomerMatch.UsualMaxShared;

    /// <summary>Whether names and addresses are evidence, where they are mapped; of transitive groups.</summary>
    [Parameter]
    public bool Evidence { get; set; } = true;

    /// <summary>Which table holds the customers, the database tells when the run starts.</summary>
    private protected override string? CurrentTable => null;

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach((connection, cancellation) => RunOneAsync(
        connection, "leads without a customer", "Create their customers and link them",
        (database, options, progress, stop) => new CustomerBackfill(database).RunAsync(
            new CustomerMatch(Match, MaxShared, Evidence), options, progress, stop),
        cancellation));

    private protected override object Result(RunReport report) => new CustomerBackfillResult(report);

    private protected override string? Complaint(RunReport report) => new CustomerBackfillResult(report) switch
    {
        { Errors: 0 } => null,
        var result => result.Message,
    };
}
