using System.Management.Automation;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Clears old audit entries that no undo needs any more.</summary>
[Cmdlet(VerbsCommon.Clear, "UserLinkAudit", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(UserLinkAuditClearResult))]
public sealed class ClearUserLinkAuditCommand : RunCmdlet
{
    /// <summary>Entries from before then are old: a date, or a time that counts back from now.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [PointInTime]
    public DateTime OlderThan { get; set; }

    /// <summary>By the audit's own names; deliveries that followed their guest are under message_deliveries_backfill.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? Table { get; set; }

    /// <summary>Also what an undo needs: what is cleared then can't be undone any more.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override string CurrentTable => "user_link_audit";

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach((connection, cancellation) => RunOneAsync(
        connection,
        CurrentTable + (Table is null ? string.Empty : $" of {string.Join(", ", Table)}"),
        $"Clear what is older than {OlderThan:u}{(Force ? ", and with it the undo of what it records" : string.Empty)}",
        (database, options, progress, stop) => new UserLinkAudit(database).ClearAsync(OlderThan, Table, Force, options, progress, stop),
        cancellation));

    private protected override object Result(RunReport report) => new UserLinkAuditClearResult(report, OlderThan);
}
