using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Lists what was decided about leads, the oldest decision first.</summary>
[Cmdlet(VerbsCommon.Get, "CustomerDecision")]
[OutputType(typeof(CustomerDecision))]
public sealed class GetCustomerDecisionCommand : DatabaseCmdlet
{
    /// <summary>Only what was decided about these leads.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[]? Lead { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var wanted = Lead?.ToHashSet(StringComparer.Ordinal);
        RunOnEach(async (connection, cancellation) =>
        {
            await foreach (var found in new CustomerDecisions(connection.Engine).FindAsync(cancellation))
            {
                if (wanted is null || wanted.Contains(found.LeadA) || wanted.Contains(found.LeadB))
                    Emit(new CustomerDecision(connection, found));
            }
        });
    }
}
