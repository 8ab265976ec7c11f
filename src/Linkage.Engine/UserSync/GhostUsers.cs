using Linkage.Engine.Database;

namespace Linkage.Engine.UserSync;

/// <summary>An active account without a profile.</summary>
public sealed record GhostUser
{
    /// <summary>The account's id, as text.</summary>
    public string AccountId { get; init; } = "";

    /// <summary>Its e-mail.</summary>
    public string? Email { get; init; }

    /// <summary>Its phone, as it stands in the account.</summary>
    public string? Phone { get; init; }

    /// <summary>When it signed up; UTC.</summary>
    public DateTime? CreatedAt { get; init; }

    /// <summary>Why it has no profile, as far as that is known.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Whether a repair can give it one as things are now.</summary>
    public bool Repairable { get; init; }
}

/// <summary>Lists ghost users.</summary>
/// <param name="database">Where they are.</param>
public sealed class GhostUsers(LinkageDatabase database)
{
    /// <summary>Every active account without a profile, the oldest first, as they are read.</summary>
    /// <param name="repairableOnly">Only those that can be repaired as things are now.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public IAsyncEnumerable<GhostUser> FindAsync(bool repairableOnly, CancellationToken cancellation) =>
        database.StreamAsync<GhostUser>(
            """
            SELECT
              g.account_id AS "AccountId", g.email AS "Email", g.phone AS "Phone", g.created_at AS "CreatedAt", g.reason AS "Reason",
              g.repairable AS "Repairable"
            FROM linkage.ghost_users() g
            WHERE g.repairable OR NOT @repairableOnly
            """,
            new { repairableOnly },
            "Linkage Get-GhostUser",
            cancellation);
}
