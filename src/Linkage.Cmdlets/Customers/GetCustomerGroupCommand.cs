using System.Management.Automation;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Shows how leads group into persons, or explains of each lead why it is where it is. Nothing is written.</summary>
[Cmdlet(VerbsCommon.Get, "CustomerGroup", DefaultParameterSetName = ByGroup)]
[OutputType(typeof(CustomerGroup), ParameterSetName = [ByGroup])]
[OutputType(typeof(CustomerGroupLead), ParameterSetName = [ByLead])]
public sealed class GetCustomerGroupCommand : CustomerMatchCmdlet
{
    private const string ByGroup = "Group";
    private const string ByLead = "Explain";

    /// <summary>How leads are grouped: by the first of PSID, phone and e-mail, or by all that they share.</summary>
    [Parameter(Position = 0)]
    [ValidateSet("Priority", "Transitive")]
    public string Match { get; set; } = "Priority";

    /// <summary>One record per lead, with what put it into its group, and what was refused and why.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByLead)]
    public SwitchParameter Explain { get; set; }

    /// <summary>Only these leads.</summary>
    [Parameter(ParameterSetName = ByLead)]
    [ValidateNotNullOrEmpty]
    public string[]? Lead { get; set; }

    /// <summary>At most so many records.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var groups = new CustomerGroups(connection.Engine);
        if (Explain)
        {
            var wanted = Lead?.ToHashSet(StringComparer.Ordinal);
            await EmitFirstAsync(
                groups.ExplainAsync(MatchBy(Match), cancellation),
                lead => wanted?.Contains(lead.LeadId) != false,
                lead => new CustomerGroupLead(connection, lead));
        }
        else
        {
            await EmitFirstAsync(groups.FindAsync(MatchBy(Match), cancellation), _ => true, group => new CustomerGroup(connection, group));
        }
    });

    private async Task EmitFirstAsync<T>(IAsyncEnumerable<T> found, Predicate<T> isWanted, Func<T, object> record)
    {
        long left = First ?? long.MaxValue;
        await foreach (var item in found)
        {
            if (!isWanted(item))
                continue;
            Emit(record(item));
            if (--left == 0)
                return;
        }
    }
}
