using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Lists what measurements found, the newest first.</summary>
[Cmdlet(VerbsCommon.Get, "UserSyncHistory", DefaultParameterSetName = ByLast)]
[OutputType(typeof(UserSyncMetric))]
public sealed class GetUserSyncHistoryCommand : DatabaseCmdlet
{
    private const string ByLast = "Last";
    private const string ByDays = "Days";

    /// <summary>How far back.</summary>
    [Parameter(Position = 0, ParameterSetName = ByLast)]
    [Duration(Positive = true)]
    public TimeSpan Last { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The same as a number of days.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByDays)]
    [ValidateRange(1, 36500)]
    public int Days { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var last = ParameterSetName == ByLast ? Last : TimeSpan.FromDays(Days);
        await foreach (var found in new UserSyncHistory(connection.Engine).FindAsync(last, cancellation))
            Emit(new UserSyncMetric(connection, found));
    });
}
