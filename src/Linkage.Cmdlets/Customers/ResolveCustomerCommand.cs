using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Says who customers are by now: those that were merged are followed to the one that took their place.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "Customer")]
[OutputType(typeof(CustomerResolution))]
public sealed class ResolveCustomerCommand : DatabaseCmdlet
{
    /// <summary>The customers.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("CustomerId")]
    [ValidateNotNullOrEmpty]
    public string[] Customer { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var customers = Customer;
        RunOnEach(async (connection, cancellation) =>
        {
            foreach (var resolved in await new CustomerRedirects(connection.Engine).ResolveAsync(customers, cancellation))
                Emit(new CustomerResolution(connection, resolved));
        });
    }
}
