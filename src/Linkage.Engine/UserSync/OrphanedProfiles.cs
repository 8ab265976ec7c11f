using Linkage.Engine.Database;

namespace Linkage.Engine.UserSync;

/// <summary>A profile without an account.</summary>
public sealed record OrphanedProfile
{
    /// <summary>The profile's primary key, as text.</summary>
    public string ProfileId { get; init; } = "";

    /// <summary>Its e-mail; null where profiles have none.</summary>
    public string? Email { get; init; }

    /// <summary>When it was created; UTC. Null where profiles don't say.</summary>
    public DateTime? CreatedAt { get; init; }

    /// <summary>Why it has no account.</summary>
    public string Reason { get; init; } = "";
}

/// <summary>Lists orphaned profiles.</summary>
/// <param name="database">Where they are.</param>
public sealed class OrphanedProfiles(LinkageDatabase database)
{
    /// <summary>Every profile without an account, as they are read.</summary>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public IAsyncEnumerable<OrphanedProfile> FindAsync(CancellationToken cancellation) =>
        database.StreamAsync<OrphanedProfile>(
            """
            SELECT o.profile_id AS "ProfileId", o.email AS "Email", o.created_at AS "CreatedAt", o.reason AS "Reason"
            FROM linkage.orphaned_profiles() o
            """,
            null,
            "Linkage Get-OrphanedProfile",
            cancellation);
}
