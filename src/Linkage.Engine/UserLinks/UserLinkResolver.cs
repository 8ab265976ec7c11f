using Linkage.Engine.Database;

namespace Linkage.Engine.UserLinks;

/// <summary>What the rules say of one record, or of one phone at an event.</summary>
public sealed record UserLinkResolution
{
    /// <summary>The target of the delivery that was asked about; null where an event and a phone were.</summary>
    public string? Table { get; init; }

    /// <summary>The delivery that was asked about; null where an event and a phone were.</summary>
    public string? DeliveryId { get; init; }

    /// <summary>The event.</summary>
    public string? EventId { get; init; }

    /// <summary>The phone as it was given or stands in the record.</summary>
    public string? Phone { get; init; }

    /// <summary>The phone in E.164; null where it is none.</summary>
    public string? NormalizedPhone { get; init; }

    /// <summary>linked, no_match, ambiguous or skipped.</summary>
    public string Outcome { get; init; } = "";

    /// <summary>The rule that decided: guest, event phone or user phone.</summary>
    public string? Rule { get; init; }

    /// <summary>Why it is not linked.</summary>
    public string? Reason { get; init; }

    /// <summary>The user.</summary>
    public string? UserId { get; init; }

    /// <summary>The guest that the user came from.</summary>
    public string? GuestId { get; init; }

    /// <summary>The user that the record has already, which is never overwritten.</summary>
    public string? CurrentUserId { get; init; }
}

/// <summary>What one rule looked at, and why it stopped there.</summary>
/// <param name="Step">1, 2, 3.</param>
/// <param name="Rule">guest, event phone or user phone.</param>
/// <param name="LookedAt">How many rows it found.</param>
/// <param name="Finding">In words.</param>
/// <param name="Decides">Whether the outcome is this rule's.</param>
public sealed record RuleFinding(int Step, string Rule, long LookedAt, string Finding, bool Decides);

/// <summary>Asks the rules, without changing anything.</summary>
/// <param name="database">Where.</param>
public sealed class UserLinkResolver(LinkageDatabase database)
{
    /// <summary>What the rules say of a phone at an event (rules 2 and 3: no own guest is known).</summary>
    public Task<UserLinkResolution> ResolveAsync(string eventId, string? phone, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleAsync<UserLinkResolution>(
                $"SELECT {Columns} FROM linkage.inspect_phone(@eventId, @phone) AS i", new { eventId, phone }),
            cancellation);

    /// <summary>What the rules say of a delivery; null where there is none of that id.</summary>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="deliveryId">The record's key as text, as the audit has it.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LinkageException">There is no such target.</exception>
    public Task<UserLinkResolution?> ResolveDeliveryAsync(string table, string deliveryId, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleOrDefaultAsync<UserLinkResolution>(
                $"SELECT {Columns} FROM linkage.inspect_delivery(@table, @deliveryId) AS i", new { table, deliveryId }),
            cancellation);

    /// <summary>Rule by rule, what was looked at and why it stopped, for the same question.</summary>
    public Task<IReadOnlyList<RuleFinding>> ExplainAsync(UserLinkResolution resolution, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<RuleFinding>(
                """
                SELECT e.step AS "Step", e.rule AS "Rule", e.looked_at AS "LookedAt", e.finding AS "Finding", e.decides AS "Decides"
                FROM linkage.explain_user_link(@Table, @DeliveryId, @EventId, @Phone) e
                ORDER BY e.step
                """,
                new { resolution.Table, resolution.DeliveryId, resolution.EventId, resolution.Phone }),
            cancellation);

    private const string Columns =
        """
        i.target AS "Table", i.delivery_id AS "DeliveryId", i.event_id AS "EventId", i.phone AS "Phone", i.normalized_phone AS "NormalizedPhone",
        i.outcome AS "Outcome", i.rule AS "Rule", i.reason AS "Reason", i.user_id AS "UserId", i.guest_id AS "GuestId",
        i.current_user_id AS "CurrentUserId"
        """;
}
