namespace Linkage.Engine.Tests.UserLinks;

/// <summary>An audit row as tests of links compare it.</summary>
internal sealed record DeliveryAudit(string TableName, string Source, string Outcome, string? Rule, string? User)
{
    public static DeliveryAudit ByTrigger(string outcome, string? rule, string? user = null) =>
        new("message_deliveries", "trigger", outcome, rule, user);

    public static DeliveryAudit ByGuestLink(string outcome, string? user = null) =>
        new("message_deliveries_backfill", "guest link", outcome, "guest", user);

    /// <summary>The audit rows of a delivery, in their order.</summary>
    public static async Task<IReadOnlyList<DeliveryAudit>> OfAsync(LinkedDatabase database, string delivery) =>
        [.. (await database.QueryAsync<(string Table, string Source, string Outcome, string? Rule, string? User)>(
            """
            SELECT table_name, source, outcome, rule, linked_user_id::text
            FROM user_link_audit
            WHERE record_id = @delivery::uuid
            ORDER BY id
            """,
            new { delivery })).Select(a => new DeliveryAudit(a.Table, a.Source, a.Outcome, a.Rule, a.User))];
}
