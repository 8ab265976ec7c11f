using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>The audit's view of one delivery.</summary>
internal sealed record AuditedDecision
{
    public string Key { get; init; } = "";
    public string TableName { get; init; } = "";
    public string Outcome { get; init; } = "";
    public string? Rule { get; init; }
    public string? UserId { get; init; }
    public string? GuestId { get; init; }
    public string? EventId { get; init; }
    public string? Phone { get; init; }
    public string? Source { get; init; }
    public Guid? RunId { get; init; }
    public bool DryRun { get; init; }

    // What a row would have matched does not count where no rule was asked.
    public Decision Decision => new(Outcome, Rule, UserId, Rule is null ? null : GuestId, EventId, Phone);
}

/// <summary>
/// The application's tables with keys of some kind and without foreign keys, so that users can be missing; Linkage installed; and the
/// random data in them.
/// </summary>
internal sealed class RandomLinksDatabase : IAsyncDisposable
{
    private readonly LinkedDatabase _database;
    private readonly RandomLinks _links;
    private readonly KeyKind _kind;

    private RandomLinksDatabase(LinkedDatabase database, RandomLinks links, KeyKind kind)
    {
        _database = database;
        _links = links;
        _kind = kind;
    }

    public LinkageDatabase Engine => _database.Engine;

    public NpgsqlConnection Connection => _database.Connection;

    public static async Task<RandomLinksDatabase> CreateAsync(RandomLinks links, KeyKind kind, bool linking, bool fallback)
    {
        var database = await LinkedDatabase.CreateEmptyAsync();
        var type = kind.SqlType();
        await database.ExecuteAsync(
            $"""
            CREATE TABLE users (id {type} PRIMARY KEY, phone text);
            CREATE TABLE event_guests (
              id {type} PRIMARY KEY, event_id {type} NOT NULL, guest_name text, phone text, user_id {type}, removed_at timestamptz);
            CREATE UNIQUE INDEX event_guests_event_id_phone_active_key ON event_guests (event_id, phone) WHERE removed_at IS NULL;
            """);
        await database.ExecuteAsync(
            kind == KeyKind.Partitioned
                ? """
                  CREATE TABLE message_deliveries (
                    tenant integer, id uuid, message_id uuid, phone_number text, user_id uuid, guest_id uuid, PRIMARY KEY (tenant, id))
                  PARTITION BY LIST (tenant);
                  CREATE TABLE message_deliveries_0 PARTITION OF message_deliveries FOR VALUES IN (0);
                  CREATE TABLE message_deliveries_1 PARTITION OF message_deliveries FOR VALUES IN (1);
                  CREATE TABLE message_deliveries_other PARTITION OF message_deliveries DEFAULT;
                  """
                : $"CREATE TABLE message_deliveries (id {type} PRIMARY KEY, message_id {type}, phone_number text, user_id {type}, guest_id {type})");
        await database.InstallAsync();
        await database.ExecuteAsync(
            "SELECT linkage.set_feature_flag('LINK_USER_BY_PHONE', @linking), "
            + "linkage.set_feature_flag('LINK_USER_BY_PHONE_FALLBACK_TO_USERS', @fallback)",
            new { linking, fallback });
        await database.ExecuteAsync(
            $"INSERT INTO users (id, phone) SELECT * FROM unnest(@ids::{type}[], @phones)",
            new { ids = links.Users.Select(u => u.Id).ToArray(), phones = links.Users.Select(u => u.Phone).ToArray() });
        await database.ExecuteAsync(
            $"""
            INSERT INTO event_guests (id, event_id, phone, user_id, removed_at)
            SELECT id, event_id, phone, user_id, CASE WHEN removed THEN now() END
            FROM unnest(@ids::{type}[], @events::{type}[], @phones, @users::{type}[], @removed) AS g (id, event_id, phone, user_id, removed)
            """,
            new
            {
                ids = links.Guests.Select(g => g.Id).ToArray(),
                events = links.Guests.Select(g => g.Event).ToArray(),
                phones = links.Guests.Select(g => g.Phone).ToArray(),
                users = links.Guests.Select(g => g.User).ToArray(),
                removed = links.Guests.Select(g => g.IsRemoved).ToArray(),
            });
        await database.ExecuteAsync(
            $"INSERT INTO linkage.link_suppression (target, record_key, user_id) SELECT 'message_deliveries', * FROM unnest(@keys, @users::{type}[])",
            new { keys = links.Suppressed.Select(s => s.Key).ToArray(), users = links.Suppressed.Select(s => s.User).ToArray() });
        return new RandomLinksDatabase(database, links, kind);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <summary>All deliveries as they were, past the triggers, with no memory of what was done to them.</summary>
    public async Task ResetAsync()
    {
        await EmptyAsync();
        await _database.ExecuteAsync("SET session_replication_role = replica");
        await InsertAsync(_links.Deliveries);
        await _database.ExecuteAsync("RESET session_replication_role; ANALYZE");
    }

    /// <summary>No deliveries at all.</summary>
    public Task EmptyAsync() =>
        _database.ExecuteAsync("TRUNCATE message_deliveries, user_link_audit, linkage.link_cursor, linkage.run");

    /// <summary>One INSERT of so many rows.</summary>
    public Task InsertAsync(IReadOnlyCollection<ModelDelivery> rows)
    {
        var type = _kind.SqlType();
        return _database.ExecuteAsync(
            $"""
            INSERT INTO message_deliveries ({(_kind == KeyKind.Partitioned ? "tenant, id" : "id")}, phone_number, guest_id, user_id)
            SELECT * FROM unnest({(_kind == KeyKind.Partitioned ? "@firsts::integer[], " : "")}@ids::{type}[], @phones, @guests::{type}[], @users::{type}[])
            """,
            new
            {
                firsts = rows.Select(r => r.Ids[0]).ToArray(),
                ids = rows.Select(r => r.Ids[^1]).ToArray(),
                phones = rows.Select(r => r.Phone).ToArray(),
                guests = rows.Select(r => r.Guest).ToArray(),
                users = rows.Select(r => r.User).ToArray(),
            });
    }

    public async Task<IReadOnlyDictionary<string, string?>> UsersOfDeliveriesAsync()
    {
        var key = _kind == KeyKind.Partitioned ? "jsonb_build_array(tenant::text, id::text)::text" : "id::text";
        return (await _database.QueryAsync<(string Key, string? User)>($"SELECT {key}, user_id::text FROM message_deliveries"))
            .ToDictionary(row => row.Key, row => row.User);
    }

    public Task<IReadOnlyList<AuditedDecision>> AuditAsync() =>
        _database.QueryAsync<AuditedDecision>(
            """
            SELECT
              COALESCE(record_key, record_id::text) AS "Key", table_name AS "TableName", outcome AS "Outcome", rule AS "Rule",
              linked_user_id::text AS "UserId", matched_guest_id::text AS "GuestId", event_id::text AS "EventId",
              normalized_phone AS "Phone", source AS "Source", run_id AS "RunId", dry_run AS "DryRun"
            FROM user_link_audit
            """);

    public Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) => _database.QueryAsync<T>(sql, parameters);
}
