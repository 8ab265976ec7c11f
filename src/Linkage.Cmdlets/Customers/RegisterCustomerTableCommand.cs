using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Says which table holds leads, customers, or what belongs to them, and what its columns are called.</summary>
[Cmdlet(VerbsLifecycle.Register, "CustomerTable", SupportsShouldProcess = true)]
[OutputType(typeof(CustomerTable))]
public sealed class RegisterCustomerTableCommand : DatabaseCmdlet
{
    /// <summary>What is in the table.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateSet("Lead", "Customer", "Address", "Audit", "Follower")]
    public string Role { get; set; } = string.Empty;

    /// <summary>The table, in SQL notation.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Table { get; set; } = string.Empty;

    /// <summary>The column of its key.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? KeyColumn { get; set; }

    /// <summary>The column with the name.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? NameColumn { get; set; }

    /// <summary>The column with the phone.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? PhoneColumn { get; set; }

    /// <summary>The column with the e-mail.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? EmailColumn { get; set; }

    /// <summary>The column with the messenger's PSID.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? PsidColumn { get; set; }

    /// <summary>The column with the address.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? AddressColumn { get; set; }

    /// <summary>The column that refers to the customer.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? CustomerColumn { get; set; }

    /// <summary>The column that refers to the lead.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? LeadColumn { get; set; }

    /// <summary>The column that says by what a customer was made.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? MetadataColumn { get; set; }

    /// <summary>The column with the time at which the row came.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? CreatedAtColumn { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(RegisterAsync);

    private async Task RegisterAsync(LinkageConnection connection, CancellationToken cancellation)
    {
        var tables = new CustomerTables(connection.Engine);
        // PowerShell makes an empty text of a null that was not given.
        var columns = new (string Name, string Parameter, string? Value)[]
        {
            ("key", nameof(KeyColumn), KeyColumn), ("name", nameof(NameColumn), NameColumn), ("phone", nameof(PhoneColumn), PhoneColumn),
            ("email", nameof(EmailColumn), EmailColumn), ("psid", nameof(PsidColumn), PsidColumn),
            ("address", nameof(AddressColumn), AddressColumn), ("customer", nameof(CustomerColumn), CustomerColumn),
            ("lead", nameof(LeadColumn), LeadColumn), ("metadata", nameof(MetadataColumn), MetadataColumn),
            ("created_at", nameof(CreatedAtColumn), CreatedAtColumn),
        }.Where(c => MyInvocation.BoundParameters.ContainsKey(c.Parameter)).ToDictionary(c => c.Name, c => c.Value);
        var role = Role.ToLowerInvariant();
        var registration = await tables.PlanAsync(role, Table, columns, cancellation);
        var approval = await ApproveAsync($"table {registration.Table.Table} on {connection}", $"Register in the role of {role}");
        if (approval == Approval.Declined)
            return;
        if (approval == Approval.Given)
            registration = await tables.RegisterAsync(role, registration.Table.Table, columns, cancellation);
        foreach (var warning in registration.Warnings)
            EmitWarning(warning);
        Emit(new CustomerTable(connection, registration.Table, registration.Change));
    }
}
