using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Health;

namespace Linkage.Cmdlets.Health;

/// <summary>Stores what checks found in the history of the database that was checked.</summary>
[Cmdlet(VerbsData.Save, "LinkageHealth", SupportsShouldProcess = true)]
[OutputType(typeof(HealthSaveResult), typeof(LinkageCheck))]
public sealed class SaveLinkageHealthCommand : PipedCheckCmdlet
{
    private readonly Dictionary<LinkageConnection, Approval> _approvals = [];
    private readonly Dictionary<LinkageConnection, HealthSaved> _done = [];
    private readonly HashSet<LinkageConnection> _trimmed = [];
    private readonly HashSet<LinkageCheck> _seen = [];

    /// <summary>How far back the history goes; what is older is removed.</summary>
    [Parameter]
    [Duration(Positive = true, MaxSeconds = 50 * 365 * 24 * 60 * 60)]
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromDays(400);

    /// <summary>Emit the checks as they came, for the next cmdlet, instead of what was stored.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var check = InputObject;
        // Piped twice, it is one record.
        if (_seen.Add(check))
            RunOnEach((connection, cancellation) => SaveAsync(connection, check, cancellation));
        // What can't be stored is passed on all the same: somebody may have to be told.
        if (PassThru)
            WriteObject(check);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (PassThru)
            return;
        foreach (var (connection, done) in _done)
            WriteObject(new HealthSaveResult(connection, done));
    }

    private async Task SaveAsync(LinkageConnection connection, LinkageCheck check, CancellationToken cancellation)
    {
        if (!_approvals.TryGetValue(connection, out var approval))
        {
            approval = await ApproveAsync(
                $"linkage.health_history on {connection}",
                $"Store what checks found, and remove what is older than {(DateTime.UtcNow - KeepFor):yyyy-MM-dd HH:mm} UTC");
            _approvals.Add(connection, approval);
        }

        if (approval == Approval.Declined)
            return;
        var saved = await new HealthHistory(connection.Engine).SaveAsync(
            check.Result, check.CheckedAt, _trimmed.Contains(connection) ? null : KeepFor, approval == Approval.WhatIf, cancellation);
        _trimmed.Add(connection);
        var before = _done.GetValueOrDefault(connection) ?? new HealthSaved(0, 0);
        _done[connection] = new HealthSaved(before.Saved + saved.Saved, before.Removed + saved.Removed);
    }
}
