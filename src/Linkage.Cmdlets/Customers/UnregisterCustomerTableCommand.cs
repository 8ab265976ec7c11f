using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Forgets a table of customers, leads or what belongs to them. Its rows stay as they are.</summary>
[Cmdlet(VerbsLifecycle.Unregister, "CustomerTable", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(CustomerTable))]
public sealed class UnregisterCustomerTableCommand : DatabaseCmdlet
{
    /// <summary>The tables, in SQL notation.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var table in Table)
            RunOnEach((connection, cancellation) => UnregisterAsync(connection, table, cancellation));
    }

    private async Task UnregisterAsync(LinkageConnection connection, string table, CancellationToken cancellation)
    {
        var tables = new CustomerTables(connection.Engine);
        var found = await tables.UnregisterAsync(table, isPlan: true, cancellation);
        var approval = await ApproveAsync($"table {found.Table}, the {found.Role}, on {connection}", "Unregister");
        if (approval == Approval.Given)
            found = await tables.UnregisterAsync(found.Table, isPlan: false, cancellation);
        if (approval != Approval.Declined)
            Emit(new CustomerTable(connection, found, "Unregistered"));
    }
}
