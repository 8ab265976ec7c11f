using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Measures how accounts and profiles match, and stores that in the history.</summary>
[Cmdlet(VerbsData.Save, "UserSyncMetric", SupportsShouldProcess = true)]
[OutputType(typeof(UserSyncMetric))]
public sealed class SaveUserSyncMetricCommand : DatabaseCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var history = new UserSyncHistory(connection.Engine);
        var approval = await ApproveAsync($"user_sync_monitoring_log on {connection}", "Store how accounts and profiles match now");
        if (approval == Approval.Declined)
            return;
        var metric = approval == Approval.WhatIf ? await history.MeasureAsync(cancellation) : await history.RecordAsync(cancellation);
        Emit(new UserSyncMetric(connection, metric));
    });
}
