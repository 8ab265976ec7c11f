using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Lists the tables that customers, their leads and what follows those are in.</summary>
[Cmdlet(VerbsCommon.Get, "CustomerTable")]
[OutputType(typeof(CustomerTable))]
public sealed class GetCustomerTableCommand : DatabaseCmdlet
{
    /// <summary>Only tables in these roles.</summary>
    [Parameter(Position = 0)]
    [ValidateSet("Lead", "Customer", "Address", "Audit", "Follower")]
    public string[]? Role { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        foreach (var table in await new CustomerTables(connection.Engine).FindAsync(cancellation))
        {
            if (Role?.Contains(table.Role, StringComparer.OrdinalIgnoreCase) != false)
                Emit(new CustomerTable(connection, table, "None"));
        }
    });
}
