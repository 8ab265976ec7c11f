using System.Management.Automation;
using System.Text.Json;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Splits leads off a customer: they, and the rows that follow them, go to a customer that is made for them.</summary>
[Cmdlet(VerbsCommon.Split, "Customer", SupportsShouldProcess = true)]
[OutputType(typeof(CustomerSplitResult))]
public sealed class SplitCustomerCommand : RunCmdlet
{
    private string? _made;

    /// <summary>The customer that they leave.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Customer { get; set; } = string.Empty;

    /// <summary>The leads that leave it.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Lead { get; set; } = [];

    /// <summary>The new customer's name; that of the first lead that has one, if it isn't given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Name { get; set; }

    /// <summary>The new customer's phone; that of the first lead that has one, if it isn't given; an empty one is none.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Phone { get; set; }

    /// <summary>The new customer's e-mail; that of the first lead that has one, if it isn't given; an empty one is none.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Email { get; set; }

    /// <summary>Which table holds the customers, the database tells when the run starts.</summary>
    private protected override string? CurrentTable => null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var (customer, leads, made) = (Customer, Lead, new NewCustomer(Name, Phone, Email));
        RunOnEach((connection, cancellation) => RunOneAsync(
            connection,
            $"customer {customer}",
            leads.Length == 1 ? $"Split off lead {leads[0]}" : $"Split off {leads.Length} leads",
            async (database, options, progress, stop) =>
            {
                _made = null;
                var result = await new CustomerSplit(database).RunAsync(customer, leads, made, options, progress, stop);
                if (result.Sample is [var first, ..] && first.GetProperty("customer") is { ValueKind: JsonValueKind.String } id)
                    _made = id.GetString();
                return result;
            },
            cancellation));
    }

    private protected override object Result(RunReport report) =>
        new CustomerSplitResult(report, Customer, report.RunId is null ? null : _made, Lead.Length);
}
