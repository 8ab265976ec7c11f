using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Takes back what was decided about two leads; the rules decide again.</summary>
[Cmdlet(VerbsCommon.Remove, "CustomerDecision", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(CustomerDecision))]
public sealed class RemoveCustomerDecisionCommand : DatabaseCmdlet
{
    /// <summary>The keys of the two leads.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateCount(2, 2)]
    [ValidateNotNullOrEmpty]
    public string[] Lead { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var lead = Lead;
        RunOnEach(async (connection, cancellation) =>
        {
            var decisions = new CustomerDecisions(connection.Engine);
            var planned = await decisions.RemoveAsync(lead[0], lead[1], isPlan: true, cancellation);
            var approval = await ApproveAsync($"{planned.Decision} of leads {planned.LeadA} and {planned.LeadB} on {connection}", "Remove");
            if (approval == Approval.Given)
                await decisions.RemoveAsync(lead[0], lead[1], isPlan: false, cancellation);
            if (approval != Approval.Declined)
                Emit(new CustomerDecision(connection, planned));
        });
    }
}
