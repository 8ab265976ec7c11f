using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>
/// A small application with Linkage installed: two users and an event. What is added here comes in past the triggers, as rows from
/// before Linkage do.
/// </summary>
internal sealed class LinkScene : IAsyncDisposable
{
    public const string Ann = "a0000000-0000-0000-0000-000000000001";
    public const string Bob = "a0000000-0000-0000-0000-000000000002";
    public const string Event = "e0000000-0000-0000-0000-000000000001";
    public const string OtherEvent = "e0000000-0000-0000-0000-000000000002";

    private int _phones;

    private LinkScene(LinkedDatabase database) => Database = database;

    public LinkedDatabase Database { get; }

    public static async Task<LinkScene> CreateAsync() => await FillAsync(await LinkedDatabase.CreateAsync());

    /// <summary>The scene in a database that a test has prepared by itself.</summary>
    public static async Task<LinkScene> FillAsync(LinkedDatabase database)
    {
        await database.ExecuteAsync(
            $"""
            INSERT INTO users (id, phone) VALUES ('{Ann}', '12125550100'), ('{Bob}', '12125550101');
            INSERT INTO events (id, title) VALUES ('{Event}', 'Party'), ('{OtherEvent}', 'Picnic');
            """);
        return new LinkScene(database);
    }

    public ValueTask DisposeAsync() => Database.DisposeAsync();

    /// <summary>A phone that nobody has yet.</summary>
    public string NewPhone() => $"+1213555{_phones++:0000}";

    public Task<string> GuestAsync(string phone, string? user, bool removed = false, string eventId = Event, string name = "Guest") =>
        SilentlyAsync(
            """
            INSERT INTO event_guests (event_id, phone, user_id, removed_at, guest_name)
            VALUES (@eventId::uuid, @phone, @user::uuid, CASE WHEN @removed THEN now() END, @name)
            RETURNING id::text
            """,
            new { eventId, phone, user, removed, name });

    public Task<string> DeliveryAsync(string? phone, string? guest, string? user = null) =>
        SilentlyAsync(
            "INSERT INTO message_deliveries (phone_number, guest_id, user_id) VALUES (@phone, @guest::uuid, @user::uuid) RETURNING id::text",
            new { phone, guest, user });

    /// <summary>A delivery of a guest who has a user: linkable.</summary>
    public async Task<string> LinkableAsync(string user = Ann)
    {
        var phone = NewPhone();
        return await DeliveryAsync(phone, await GuestAsync(phone, user));
    }

    /// <summary>A delivery of a phone that two guests have.</summary>
    public async Task<string> AmbiguousAsync(string phone)
    {
        await GuestAsync(phone, Ann, name: "First");
        var second = await GuestAsync($" {phone}", null, name: "Second");
        return await DeliveryAsync(phone, second);
    }

    public Task<RunResult> BackfillAsync(RunMode mode = RunMode.Apply) =>
        new UserLinkBackfill(Database.Engine).RunAsync(
            "message_deliveries", new RunOptions { Mode = mode }, _ => { }, CancellationToken.None);

    public Task<RunResult> UndoAsync(Guid run, bool allowRelink = false) =>
        new RunUndo(Database.Engine).UndoAsync(run, allowRelink, new RunOptions(), _ => { }, CancellationToken.None);

    public Task<RunResult> ClearAsync(
        TimeSpan age, bool force = false, string[]? tables = null, RunMode mode = RunMode.Apply, int batchSize = 5000) =>
        new UserLinkAudit(Database.Engine).ClearAsync(
            DateTimeOffset.UtcNow - age, tables, force, new RunOptions { Mode = mode, BatchSize = batchSize, TargetWait = TimeSpan.Zero },
            _ => { }, CancellationToken.None);

    /// <summary>Makes the audit as it stands so much older.</summary>
    public Task AgeAuditAsync(TimeSpan age) =>
        Database.ExecuteAsync("UPDATE user_link_audit SET created_at = created_at - @age", new { age });

    public async Task<IReadOnlyList<UserLinkAuditEntry>> AuditAsync(UserLinkAuditFilter? filter = null)
    {
        List<UserLinkAuditEntry> entries = [];
        await foreach (var entry in new UserLinkAudit(Database.Engine).FindAsync(filter ?? new(), CancellationToken.None))
            entries.Add(entry);
        return entries;
    }

    public Task<string?> UserOfAsync(string delivery) =>
        Database.ScalarAsync<string?>("SELECT user_id::text FROM message_deliveries WHERE id = @delivery::uuid", new { delivery });

    private async Task<string> SilentlyAsync(string sql, object parameters)
    {
        await Database.ExecuteAsync("SET session_replication_role = replica");
        try
        {
            return await Database.ScalarAsync<string>(sql, parameters);
        }
        finally
        {
            await Database.ExecuteAsync("RESET session_replication_role");
        }
    }
}
