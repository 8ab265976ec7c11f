using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.UserSync;

/// <summary>Checks that accounts and profiles match, and that what keeps them so is at work. Writes nothing.</summary>
/// <param name="database">Where.</param>
public sealed class UserSyncChecks(LinkageDatabase database)
{
    /// <summary>The checks, in their stable order.</summary>
    public static IReadOnlyList<string> Names { get; } = ["GhostUsers", "OrphanedProfiles", "UserCountParity", "UserSyncTrigger"];

    /// <summary>
    /// All checks. What all of them come to (healthy, degraded, critical) is in the details of each, and in the message of the gravest. Where
    /// user sync is not installed, or lacks something, each of them is <see cref="CheckStatus.Unknown"/>.
    /// </summary>
    /// <exception cref="PostgresException">The server refused, for want of a privilege for instance.</exception>
    public async Task<IReadOnlyList<CheckResult>> CheckAsync(CancellationToken cancellation)
    {
        try
        {
            var rows = await database.TransactAsync(
                TransactionOptions.ReadOnly with { ApplicationName = "Linkage Test-UserSync" },
                session => session.QueryAsync<Row>(
                    """
                    SELECT
                      c.check_name AS "Check", c.status AS "Status", c.value::double precision AS "Value",
                      c.threshold::double precision AS "Threshold", c.message AS "Message", c.overall AS "Overall",
                      c.details::text AS "Details"
                    FROM linkage.user_sync_checks() c
                    """),
                cancellation);
            var gravest = rows.Max(row => row.Gravity);
            var worst = gravest == CheckStatus.Healthy ? null : rows.First(row => row.Gravity == gravest);
            return [.. rows.Select(row => row.Result(row == worst))];
        }
        catch (Exception fault) when (MissingObjects.Problem(fault) is { } problem)
        {
            return [.. Names.Select(name => CheckResult.Unknown(name, problem))];
        }
    }

    private sealed record Row(
        string Check, string Status, double? Value, double? Threshold, string Message, string Overall, string Details)
    {
        public CheckStatus Gravity { get; } = Enum.Parse<CheckStatus>(Status, ignoreCase: true);

        public CheckResult Result(bool isWorst)
        {
            var details = CheckDetails.Read(Details);
            details["Overall"] = Overall;
            return new CheckResult(
                Check, Gravity, Value, Threshold, isWorst ? $"{Message} User sync as a whole is {Overall}." : Message, details);
        }
    }
}
