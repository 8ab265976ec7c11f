using Linkage.Engine.Database;

namespace Linkage.Engine.UserSync;

/// <summary>How well accounts and profiles match now, and how well they did over some days.</summary>
public sealed record UserSyncStatistic
{
    /// <summary>Accounts, of whatever kind.</summary>
    public long AuthUsers { get; init; }

    /// <summary>Profiles.</summary>
    public long Profiles { get; init; }

    /// <summary>Accounts that should have a profile: neither soft-deleted nor anonymous.</summary>
    public long ActiveUsers { get; init; }

    /// <summary>Active accounts without a profile.</summary>
    public long GhostUsers { get; init; }

    /// <summary>Profiles without an account.</summary>
    public long OrphanedProfiles { get; init; }

    /// <summary>Accounts that are soft-deleted.</summary>
    public long SoftDeletedUsers { get; init; }

    /// <summary>Accounts that are anonymous.</summary>
    public long AnonymousUsers { get; init; }

    /// <summary>Ghosts less orphans.</summary>
    public long Discrepancy { get; init; }

    /// <summary>The share of active accounts that have a profile, in percent; null where there is no active account.</summary>
    public double? SyncRate { get; init; }

    /// <summary>Faults of the triggers that are in quarantine.</summary>
    public long OpenFaults { get; init; }

    /// <summary>Whether the trigger on sign-ups fires now.</summary>
    public bool TriggerEnabled { get; init; }

    /// <summary>For how much of the time it did, in percent; null where nothing was measured.</summary>
    public double? TriggerUptime { get; init; }

    /// <summary>How many times there began to be ghosts.</summary>
    public long Incidents { get; init; }

    /// <summary>From the sign-up of the ghost that has waited longest to the first measurement that saw it, on average.</summary>
    public TimeSpan? MeanTimeToDetect { get; init; }

    /// <summary>From the first measurement that saw ghosts to the first that saw none, on average.</summary>
    public TimeSpan? MeanTimeToResolve { get; init; }

    /// <summary>When the ghost that has waited longest signed up; UTC.</summary>
    public DateTime? OldestGhostAt { get; init; }

    /// <summary>The first measurement that counts; UTC. Null where nothing was measured.</summary>
    public DateTime? MeasuredSince { get; init; }
}

/// <summary>Computes statistics of user sync.</summary>
/// <param name="database">Where.</param>
public sealed class UserSyncStatistics(LinkageDatabase database)
{
    /// <summary>What there is now, counted, and the measures of the last days, by the history.</summary>
    /// <param name="days">How many days of history count.</param>
    /// <param name="cancellation">Cancels the query.</param>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public Task<UserSyncStatistic> MeasureAsync(int days, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-UserSyncStatistic" },
            session => session.QuerySingleAsync<UserSyncStatistic>(
                """
                SELECT
                  s.auth_users AS "AuthUsers", s.profiles AS "Profiles", s.active_users AS "ActiveUsers", s.ghost_users AS "GhostUsers",
                  s.orphaned_profiles AS "OrphanedProfiles", s.soft_deleted_users AS "SoftDeletedUsers",
                  s.anonymous_users AS "AnonymousUsers", s.discrepancy AS "Discrepancy", s.sync_rate::double precision AS "SyncRate",
                  s.open_faults AS "OpenFaults", s.trigger_enabled AS "TriggerEnabled",
                  s.trigger_uptime::double precision AS "TriggerUptime", s.incidents AS "Incidents",
                  s.mean_time_to_detect AS "MeanTimeToDetect", s.mean_time_to_resolve AS "MeanTimeToResolve",
                  s.oldest_ghost_at AS "OldestGhostAt", s.measured_since AS "MeasuredSince"
                FROM linkage.user_sync_statistics(@days) s
                """,
                new { days }),
            cancellation);
}
