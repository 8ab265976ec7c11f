using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists what was decided of records and done to them, in time order.</summary>
[Cmdlet(VerbsCommon.Get, "UserLinkAudit")]
[OutputType(typeof(UserLinkAuditRecord))]
public sealed class GetUserLinkAuditCommand : DatabaseCmdlet
{
    /// <summary>By the audit's own names; deliveries that followed their guest are under message_deliveries_backfill.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string[]? Table { get; set; }

    /// <summary>What came out.</summary>
    [Parameter]
    [ValidateSet("linked", "no_match", "ambiguous", "skipped", "unlinked", "unchanged", "conflict")]
    public string[]? Outcome { get; set; }

    /// <summary>The rule that decided.</summary>
    [Parameter]
    [ValidateSet("guest", "event phone", "user phone")]
    public string[]? Rule { get; set; }

    /// <summary>What had it decided.</summary>
    [Parameter]
    [ValidateSet("trigger", "backfill", "guest link", "manual", "undo", "repair")]
    public string[]? Source { get; set; }

    /// <summary>What this run examined; of a dry run too.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public Guid? RunId { get; set; }

    /// <summary>The record.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("DeliveryId")]
    [ValidateNotNullOrEmpty]
    public string? RecordId { get; set; }

    /// <summary>The event.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? EventId { get; set; }

    /// <summary>The phone, however it is written.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Phone { get; set; }

    /// <summary>Links to this user, and those away from it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? UserId { get; set; }

    /// <summary>Then or later: a date, or a time that counts back from now.</summary>
    [Parameter]
    [Alias("Last")]
    [PointInTime]
    public DateTime? Since { get; set; }

    /// <summary>Before then.</summary>
    [Parameter]
    [PointInTime]
    public DateTime? Until { get; set; }

    /// <summary>Also what dry runs recorded.</summary>
    [Parameter]
    [Alias("DryRun")]
    public SwitchParameter IncludeDryRun { get; set; }

    /// <summary>At most so many, on each connection.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (RunId is null && MyInvocation.BoundParameters.ContainsKey(nameof(RunId)))
        {
            // Of a preview, say: without the run this would be the whole audit.
            WriteError(ErrorRecords.Create(
                "Linkage.Run.None", FaultKind.InvalidInput, "There is no run to list the audit of: the RunId is null, as -WhatIf leaves it.", null));
            return;
        }

        RunOnEach(ListAsync);
    }

    private async Task ListAsync(LinkageConnection connection, CancellationToken cancellation)
    {
        var filter = new UserLinkAuditFilter
        {
            Tables = Table,
            Outcomes = Lower(Outcome),
            Rules = Lower(Rule),
            Sources = Lower(Source),
            RunId = RunId,
            RecordId = RecordId,
            EventId = EventId,
            Phone = Phone,
            UserId = UserId,
            Since = Since,
            Until = Until,
            WithDryRuns = IncludeDryRun,
            First = First,
        };
        await foreach (var entry in new UserLinkAudit(connection.Engine).FindAsync(filter, cancellation))
            Emit(new UserLinkAuditRecord(connection, entry));
    }

    /// <summary>ValidateSet ignores case, the database doesn't.</summary>
    private static string[]? Lower(string[]? values) => values is null ? null : [.. values.Select(value => value.ToLowerInvariant())];
}
