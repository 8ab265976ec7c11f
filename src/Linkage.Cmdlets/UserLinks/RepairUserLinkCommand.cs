using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Cmdlets.Runs;
using Linkage.Engine;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>
/// Gives deliveries the user that the rules give them now: unlinked ones, and those with a wrong user; one, or all that are piped in, in one
/// run per table and connection.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "UserLink", SupportsShouldProcess = true)]
[OutputType(typeof(UserLinkRepairResult))]
public sealed class RepairUserLinkCommand : RunCmdlet
{
    private readonly Dictionary<(LinkageConnection Connection, string Table), List<RepairItem>> _items = [];
    private string? _table;

    /// <summary>The delivery.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string DeliveryId { get; set; } = string.Empty;

    /// <summary>The target, by its name or its table in SQL notation.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Table { get; set; } = "message_deliveries";

    /// <summary>The user that it had when it was listed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("UserId")]
    [AllowNull]
    [AllowEmptyString]
    public string? CurrentUserId { get; set; }

    /// <summary>The guest that it had when it was listed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? GuestId { get; set; }

    /// <summary>The phone that it had when it was listed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Phone { get; set; }

    private protected override string? CurrentTable => _table;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var item = new RepairItem(
            DeliveryId, Listed(nameof(CurrentUserId), CurrentUserId), Listed(nameof(GuestId), GuestId), Listed(nameof(Phone), Phone));
        foreach (var connection in CurrentConnections())
        {
            if (!_items.TryGetValue((connection, Table), out var items))
                _items.Add((connection, Table), items = []);
            items.Add(item);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (var ((connection, table), items) in _items)
        {
            _table = table;
            RunOn([connection], (database, cancellation) => RepairAsync(database, table, items, cancellation));
        }
    }

    private protected override object Result(RunReport report) => new UserLinkRepairResult(report);

    private async Task RepairAsync(LinkageConnection connection, string table, List<RepairItem> items, CancellationToken cancellation)
    {
        var unusable = await new UserLinkRepair(connection.Engine).FindUnusableAsync(table, items, cancellation);
        foreach (var (item, problem) in unusable)
            EmitError(ErrorRecords.Create("Linkage.Delivery.Unusable", FaultKind.InvalidInput, $"{problem} ({connection})", item.DeliveryId));
        var usable = items.Except(unusable.Select(faulty => faulty.Item)).ToList();
        if (usable.Count == 0)
            return;

        await RunOneAsync(
            connection,
            usable.Count == 1 ? $"record {usable[0].DeliveryId} of {table}" : $"{usable.Count} records of {table}",
            "Repair the link to the user",
            (database, options, progress, stop) => new UserLinkRepair(database).RunAsync(table, usable, options, progress, stop),
            cancellation);
    }

    /// <summary>What is bound to a parameter, null where nothing is: a record may not tell.</summary>
    private ListedValue? Listed(string parameter, string? value) =>
        MyInvocation.BoundParameters.ContainsKey(parameter) ? new ListedValue(value) : null;
}
