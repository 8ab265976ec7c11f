using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserSync;

/// <summary>How well accounts and profiles match now, and how well they did over some days. Times are UTC.</summary>
public sealed class UserSyncStatistic
{
    internal UserSyncStatistic(LinkageConnection connection, Engine.UserSync.UserSyncStatistic found, int days)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        AuthUsers = found.AuthUsers;
        Profiles = found.Profiles;
        ActiveUsers = found.ActiveUsers;
        GhostUsers = found.GhostUsers;
        OrphanedProfiles = found.OrphanedProfiles;
        SoftDeletedUsers = found.SoftDeletedUsers;
        AnonymousUsers = found.AnonymousUsers;
        Discrepancy = found.Discrepancy;
        SyncRate = found.SyncRate;
        OpenFaults = found.OpenFaults;
        TriggerEnabled = found.TriggerEnabled;
        OldestGhostAt = found.OldestGhostAt;
        Days = days;
        MeasuredSince = found.MeasuredSince;
        TriggerUptime = found.TriggerUptime;
        Incidents = found.Incidents;
        MeanTimeToDetect = found.MeanTimeToDetect;
        MeanTimeToResolve = found.MeanTimeToResolve;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was measured on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>Accounts, of whatever kind.</summary>
    public long AuthUsers { get; }

    /// <summary>Profiles.</summary>
    public long Profiles { get; }

    /// <summary>Accounts that should have a profile: neither soft-deleted nor anonymous.</summary>
    public long ActiveUsers { get; }

    /// <summary>Active accounts without a profile.</summary>
    public long GhostUsers { get; }

    /// <summary>Profiles without an account.</summary>
    public long OrphanedProfiles { get; }

    /// <summary>Accounts that are soft-deleted.</summary>
    public long SoftDeletedUsers { get; }

    /// <summary>Accounts that are anonymous.</summary>
    public long AnonymousUsers { get; }

    /// <summary>Ghosts less orphans.</summary>
    public long Discrepancy { get; }

    /// <summary>The share of active accounts that have a profile, in percent; null where there is no active account.</summary>
    public double? SyncRate { get; }

    /// <summary>Faults of the triggers that are in quarantine.</summary>
    public long OpenFaults { get; }

    /// <summary>Whether the trigger on sign-ups fires now.</summary>
    public bool TriggerEnabled { get; }

    /// <summary>When the ghost that has waited longest signed up; null where there is none.</summary>
    public DateTime? OldestGhostAt { get; }

    /// <summary>How many days of history count for what follows.</summary>
    public int Days { get; }

    /// <summary>The first measurement that counts; null where nothing was measured.</summary>
    public DateTime? MeasuredSince { get; }

    /// <summary>For how much of the time the trigger on sign-ups fired, in percent; null where nothing was measured.</summary>
    public double? TriggerUptime { get; }

    /// <summary>How many times there began to be ghosts.</summary>
    public long Incidents { get; }

    /// <summary>How long a ghost had waited when a measurement first saw it, on average over the incidents; null where there was none.</summary>
    public TimeSpan? MeanTimeToDetect { get; }

    /// <summary>How long it took from then until no ghost was left, on average over the incidents that ended; null where none did.</summary>
    public TimeSpan? MeanTimeToResolve { get; }
}
