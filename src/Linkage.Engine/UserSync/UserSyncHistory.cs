using Linkage.Engine.Database;

namespace Linkage.Engine.UserSync;

/// <summary>What one measurement found. It may be from before Linkage, and lack what was not measured then.</summary>
public sealed record UserSyncMetric
{
    /// <summary>Its row in user_sync_monitoring_log, as text; null if it was not stored.</summary>
    public string? Id { get; init; }

    /// <summary>When it was made; UTC.</summary>
    public DateTime RecordedAt { get; init; }

    /// <summary>healthy, degraded or critical.</summary>
    public string? Status { get; init; }

    /// <summary>Accounts, of whatever kind.</summary>
    public long? AuthUsers { get; init; }

    /// <summary>Profiles.</summary>
    public long? Profiles { get; init; }

    /// <summary>Active accounts without a profile.</summary>
    public long? GhostUsers { get; init; }

    /// <summary>Profiles without an account.</summary>
    public long? OrphanedProfiles { get; init; }

    /// <summary>Accounts that are soft-deleted.</summary>
    public long? SoftDeletedUsers { get; init; }

    /// <summary>Accounts that are anonymous.</summary>
    public long? AnonymousUsers { get; init; }

    /// <summary>Ghosts less orphans.</summary>
    public long? Discrepancy { get; init; }

    /// <summary>Faults of the triggers that were in quarantine.</summary>
    public long? OpenFaults { get; init; }

    /// <summary>Whether the trigger on sign-ups fired.</summary>
    public bool? TriggerEnabled { get; init; }

    /// <summary>When the ghost that had waited longest signed up; UTC.</summary>
    public DateTime? OldestGhostAt { get; init; }
}

/// <summary>Stores measurements of user sync, and lists them.</summary>
/// <param name="database">Where.</param>
public sealed class UserSyncHistory(LinkageDatabase database)
{
    private const string Columns =
        """
        m.id AS "Id", m.recorded_at AS "RecordedAt", m.status AS "Status", m.auth_users AS "AuthUsers", m.profiles AS "Profiles",
        m.ghost_users AS "GhostUsers", m.orphaned_profiles AS "OrphanedProfiles", m.soft_deleted_users AS "SoftDeletedUsers",
        m.anonymous_users AS "AnonymousUsers", m.discrepancy AS "Discrepancy", m.open_faults AS "OpenFaults",
        m.trigger_enabled AS "TriggerEnabled", m.oldest_ghost_at AS "OldestGhostAt"
        """;

    /// <summary>Measures, and stores nothing.</summary>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public Task<UserSyncMetric> MeasureAsync(CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Save-UserSyncMetric" },
            session => session.QuerySingleAsync<UserSyncMetric>(
                $"SELECT {Columns} FROM (SELECT NULL::text AS id, now() AS recorded_at, s.* FROM linkage.measure_user_sync() s) AS m"),
            cancellation);

    /// <summary>Measures, and stores what was found.</summary>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public Task<UserSyncMetric> RecordAsync(CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadWrite with { ApplicationName = "Linkage Save-UserSyncMetric" },
            session => session.QuerySingleAsync<UserSyncMetric>($"SELECT {Columns} FROM linkage.record_user_sync() m"),
            cancellation);

    /// <summary>The measurements of the last while, the newest first, as they are read.</summary>
    /// <param name="last">How far back.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public IAsyncEnumerable<UserSyncMetric> FindAsync(TimeSpan last, CancellationToken cancellation) =>
        database.StreamAsync<UserSyncMetric>(
            $"SELECT {Columns} FROM linkage.user_sync_history(@days) m WHERE m.recorded_at >= now() - @last ORDER BY m.recorded_at DESC",
            new { days = (int)Math.Ceiling(last.TotalDays), last },
            "Linkage Get-UserSyncHistory",
            cancellation);
}
