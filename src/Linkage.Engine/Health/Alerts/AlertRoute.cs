using System.IO.Enumeration;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>Who is told of what: an entry of the table of routes.</summary>
/// <param name="Conditions">Names of checks, wildcards allowed.</param>
/// <param name="Floor">How grave it has to be: Warning or Critical.</param>
/// <param name="Channels">By their names.</param>
/// <param name="Recipients">Who gets mail instead of those that the channel names; empty for those.</param>
internal sealed record AlertRoute(
    IReadOnlyList<string> Conditions, CheckStatus Floor, IReadOnlyList<string> Channels, IReadOnlyList<string> Recipients)
{
    /// <summary>
    /// The usual routes, by kinds of channels: Slack stands for Teams and webhooks too. A kind that is not configured is left out, with
    /// a warning.
    /// </summary>
    public static IReadOnlyList<AlertRoute> Usual { get; } =
    [
        // ghost users
        new(["GhostUsers"], CheckStatus.Warning, ["Email", "Slack"], []),
        // a trigger that is disabled
        new(["UserSyncTrigger", "DeliveryTriggers", "SchemaTriggers"], CheckStatus.Warning, ["Email", "Slack", "PagerDuty"], []),
        // orphaned profiles
        new(["OrphanedProfiles"], CheckStatus.Warning, ["Slack"], []),
        // a count discrepancy
        new(["UserCountParity"], CheckStatus.Warning, ["Email", "Slack"], []),
        // the inconsistency rate, by its severity
        new(["DeliveryInconsistencyRate"], CheckStatus.Warning, ["Slack"], []),
        new(["DeliveryInconsistencyRate"], CheckStatus.Critical, ["Email", "PagerDuty"], []),
        // whatever else is checked
        new(["*"], CheckStatus.Warning, ["Slack"], []),
        new(["*"], CheckStatus.Critical, ["Email"], []),
    ];

    /// <summary>Whether it is about a check.</summary>
    public bool Takes(string check) => Conditions.Any(condition => FileSystemName.MatchesSimpleExpression(condition, check));
}
