using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Counts accounts, profiles and what is wrong with them, and measures how that went by the history.</summary>
[Cmdlet(VerbsCommon.Get, "UserSyncStatistic")]
[OutputType(typeof(UserSyncStatistic))]
public sealed class GetUserSyncStatisticCommand : DatabaseCmdlet
{
    /// <summary>How much of the history counts, in whole days.</summary>
    [Parameter(Position = 0)]
    [Duration(Positive = true)]
    public TimeSpan Last { get; set; } = TimeSpan.FromDays(30);

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var days = (int)Math.Ceiling(Last.TotalDays);
        Emit(new UserSyncStatistic(connection, await new UserSyncStatistics(connection.Engine).MeasureAsync(days, cancellation), days));
    });
}
