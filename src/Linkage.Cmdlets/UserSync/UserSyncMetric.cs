using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserSync;

/// <summary>What one measurement found. It may be from before Linkage, and lack what was not measured then. Times are UTC.</summary>
public sealed class UserSyncMetric
{
    internal UserSyncMetric(LinkageConnection connection, Engine.UserSync.UserSyncMetric found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Id = found.Id;
        RecordedAt = found.RecordedAt;
        Status = found.Status;
        AuthUsers = found.AuthUsers;
        Profiles = found.Profiles;
        GhostUsers = found.GhostUsers;
        OrphanedProfiles = found.OrphanedProfiles;
        SoftDeletedUsers = found.SoftDeletedUsers;
        AnonymousUsers = found.AnonymousUsers;
        Discrepancy = found.Discrepancy;
        OpenFaults = found.OpenFaults;
        TriggerEnabled = found.TriggerEnabled;
        OldestGhostAt = found.OldestGhostAt;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was measured on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>Its row in user_sync_monitoring_log; null under <c>-WhatIf</c>.</summary>
    public string? Id { get; }

    /// <summary>When it was made.</summary>
    public DateTime RecordedAt { get; }

    /// <summary>healthy, degraded or critical.</summary>
    public string? Status { get; }

    /// <summary>Accounts, of whatever kind.</summary>
    public long? AuthUsers { get; }

    /// <summary>Profiles.</summary>
    public long? Profiles { get; }

    /// <summary>Active accounts without a profile.</summary>
    public long? GhostUsers { get; }

    /// <summary>Profiles without an account.</summary>
    public long? OrphanedProfiles { get; }

    /// <summary>Accounts that were soft-deleted.</summary>
    public long? SoftDeletedUsers { get; }

    /// <summary>Accounts that were anonymous.</summary>
    public long? AnonymousUsers { get; }

    /// <summary>Ghosts less orphans.</summary>
    public long? Discrepancy { get; }

    /// <summary>Faults of the triggers that were in quarantine.</summary>
    public long? OpenFaults { get; }

    /// <summary>Whether the trigger on sign-ups fired.</summary>
    public bool? TriggerEnabled { get; }

    /// <summary>When the ghost that had waited longest signed up; null where there was none.</summary>
    public DateTime? OldestGhostAt { get; }
}
