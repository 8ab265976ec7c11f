using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Counts what was audited by table and outcome, or lists what was ambiguous for review.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "UserLinkAudit", DefaultParameterSetName = ByLast)]
[OutputType(typeof(UserLinkAuditMeasure), typeof(AmbiguousUserLink))]
public sealed class MeasureUserLinkAuditCommand : DatabaseCmdlet
{
    private const string ByLast = "Last";
    private const string BySince = "Since";

    /// <summary>How far back.</summary>
    [Parameter(Position = 0, ParameterSetName = ByLast)]
    [Duration(Positive = true)]
    public TimeSpan Last { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Then or later: a date, or a time that counts back from now.</summary>
    [Parameter(Mandatory = true, ParameterSetName = BySince)]
    [PointInTime]
    public DateTime Since { get; set; }

    /// <summary>Before then.</summary>
    [Parameter(ParameterSetName = BySince)]
    [PointInTime]
    public DateTime? Until { get; set; }

    /// <summary>By the audit's own names; deliveries that followed their guest are under message_deliveries_backfill.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? Table { get; set; }

    /// <summary>List what was ambiguous, by event and phone, with those who have the phone.</summary>
    [Parameter]
    public SwitchParameter Ambiguous { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var audit = new UserLinkAudit(connection.Engine);
        DateTimeOffset since = ParameterSetName == ByLast ? DateTimeOffset.UtcNow - Last : Since;
        if (Ambiguous)
        {
            foreach (var found in await audit.FindAmbiguousAsync(since, Until, Table, cancellation))
                Emit(new AmbiguousUserLink(connection, found));
            return;
        }

        foreach (var measure in await audit.MeasureAsync(since, Until, Table, cancellation))
            Emit(new UserLinkAuditMeasure(connection, measure));
    });
}
