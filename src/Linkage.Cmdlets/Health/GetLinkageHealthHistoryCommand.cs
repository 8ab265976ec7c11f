using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Checks;
using Linkage.Engine.Health;

namespace Linkage.Cmdlets.Health;

/// <summary>Lists what checks found over time, the newest first.</summary>
[Cmdlet(VerbsCommon.Get, "LinkageHealthHistory", DefaultParameterSetName = BySince)]
[OutputType(typeof(HealthHistoryRecord))]
public sealed class GetLinkageHealthHistoryCommand : DatabaseCmdlet
{
    private const string BySince = "Since";
    private const string ByDays = "Days";
    private const int UsualDays = 7;

    /// <summary>Only these checks, wildcards allowed.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Check { get; set; }

    /// <summary>Then or later: a date, or a time that counts back from now.</summary>
    [Parameter(ParameterSetName = BySince)]
    [Alias("Last")]
    [PointInTime]
    public DateTime? Since { get; set; }

    /// <summary>So many days before the end.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByDays)]
    [ValidateRange(1, 36500)]
    public int Days { get; set; } = UsualDays;

    /// <summary>Before then; up to now without it.</summary>
    [Parameter]
    [PointInTime]
    public DateTime? Until { get; set; }

    /// <summary>Only those that came out so.</summary>
    [Parameter]
    [ValidateSet(nameof(CheckStatus.Healthy), nameof(CheckStatus.Unknown), nameof(CheckStatus.Warning), nameof(CheckStatus.Critical))]
    public string[]? Status { get; set; }

    /// <summary>At most so many, on each connection.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var wanted = Check?.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
        var statuses = Status?.Select(status => Enum.Parse<CheckStatus>(status, ignoreCase: true)).ToList();
        // Records of this very moment are in it, even if their clock is a little ahead of ours.
        var until = Until ?? DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Utc);
        var since = Since ?? (Until ?? DateTime.UtcNow).AddDays(-Days);
        long left = First ?? long.MaxValue;
        await foreach (var entry in new HealthHistory(connection.Engine).FindAsync(since, until, statuses, cancellation))
        {
            if (wanted?.Exists(pattern => pattern.IsMatch(entry.Result.Check)) == false)
                continue;
            Emit(new HealthHistoryRecord(connection, entry));
            if (--left == 0)
                return;
        }
    });
}
