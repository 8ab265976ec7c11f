using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Holds that two leads are one person, or that they are not. It goes before every rule, in this run and all later ones.</summary>
[Cmdlet(VerbsCommon.Add, "CustomerDecision", SupportsShouldProcess = true)]
[OutputType(typeof(CustomerDecision))]
public sealed class AddCustomerDecisionCommand : DatabaseCmdlet
{
    /// <summary>The keys of the two leads.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateCount(2, 2)]
    [ValidateNotNullOrEmpty]
    public string[] Lead { get; set; } = [];

    /// <summary>MustLink: they are one person. CannotLink: they are not.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateSet("MustLink", "CannotLink")]
    public string Decision { get; set; } = string.Empty;

    /// <summary>Why.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Reason { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var (lead, decision, reason) = (Lead, Decision == "MustLink" ? "must-link" : "cannot-link", Reason);
        RunOnEach(async (connection, cancellation) =>
        {
            var decisions = new CustomerDecisions(connection.Engine);
            var planned = await decisions.AddAsync(lead[0], lead[1], decision, reason, isPlan: true, cancellation);
            var approval = await ApproveAsync($"leads {planned.LeadA} and {planned.LeadB} on {connection}", $"Decide {decision}");
            if (approval == Approval.Declined)
                return;
            if (approval == Approval.Given)
                planned = await decisions.AddAsync(lead[0], lead[1], decision, reason, isPlan: false, cancellation);
            Emit(new CustomerDecision(connection, planned));
        });
    }
}
