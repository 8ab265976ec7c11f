using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.UserLinks;
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
/// The application's tables with a target of some shape and without foreign keys, so that users can be missing; Linkage installed; and the
/// random data in them. Facts are asked for in a session whose settings write times in another way than the engine's sessions do.
/// </summary>
internal sealed class RandomLinksDatabase : IAsyncDisposable
{
    private readonly LinkedDatabase _database;
    private readonly RandomLinks _links;
    private readonly TargetShape _shape;

    private RandomLinksDatabase(LinkedDatabase database, RandomLinks links, TargetShape shape, string target)
    {
        _database = database;
        _links = links;
        _shape = shape;
        Target = target;
    }

    public LinkageDatabase Engine => _database.Engine;

    public NpgsqlConnection Connection => _database.Connection;

    /// <summary>The target's name.</summary>
    public string Target { get; }

    public static async Task<RandomLinksDatabase> CreateAsync(RandomLinks links, TargetShape shape, bool linking, bool fallback)
    {
        var database = await LinkedDatabase.CreateEmptyAsync();
        var type = shape.Keys.SqlType();
        await database.ExecuteAsync(
            $"""
            CREATE TABLE users (id {type} PRIMARY KEY, phone text);
            CREATE TABLE event_guests (
              id {type} PRIMARY KEY, event_id {type} NOT NULL, guest_name text, phone text, user_id {type}, removed_at timestamptz);
            CREATE UNIQUE INDEX event_guests_event_id_phone_active_key ON event_guests (event_id, phone) WHERE removed_at IS NULL;
            {(shape.IsDeliveries ? "" : $"CREATE TABLE message_deliveries (id {type} PRIMARY KEY, phone_number text, user_id {type}, guest_id {type});")}
            {shape.Definition};
            SET TimeZone = 'Asia/Kolkata';
            SET DateStyle = 'SQL, DMY';
            SET bytea_output = 'escape';
            """);
        await database.InstallAsync();
        var registration = await new LinkTargets(database.Engine).RegisterAsync(
            new LinkTargetDefinition(shape.Sql, shape.Phone, shape.User) { GuestColumn = shape.Guest, EventColumn = shape.Event },
            waiting: null, CancellationToken.None);
        var target = registration.Target.Name;
        var missing = await database.QueryAsync<string>(
            "SELECT unnest(i.statements) FROM linkage.link_target t, linkage.target_indexes(t) i WHERE t.name = @target AND NOT i.is_there",
            new { target });
        Assert.Equal(missing.Count > 0, registration.Warnings.Count > 0);
        foreach (var statement in missing)
            await database.ExecuteAsync(statement);
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
            $"INSERT INTO linkage.link_suppression (target, record_key, user_id) SELECT @target, * FROM unnest(@keys, @users::{type}[])",
            new { target, keys = links.Suppressed.Select(s => s.Key).ToArray(), users = links.Suppressed.Select(s => s.User).ToArray() });
        return new RandomLinksDatabase(database, links, shape, target);
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
        _database.ExecuteAsync($"TRUNCATE {_shape.Sql}, user_link_audit, linkage.link_cursor, linkage.run");

    /// <summary>One INSERT of so many rows.</summary>
    public Task InsertAsync(IReadOnlyCollection<ModelDelivery> rows)
    {
        var type = _shape.Keys.SqlType();
        var keys = string.Concat(_shape.Key.Select((column, i) => $"@key{i}::text[]::{column.Type}[], "));
        var links = string.Concat(_shape.Links.Select(column => $", @{(column == _shape.Guest ? "guests" : "events")}::{type}[]"));
        var parameters = new DynamicParameters();
        for (var i = 0; i < _shape.Key.Count; i++)
            parameters.Add($"key{i}", rows.Select(r => r.Ids[i]).ToArray());
        parameters.AddDynamicParams(new
        {
            phones = rows.Select(r => r.Phone).ToArray(),
            users = rows.Select(r => r.User).ToArray(),
            guests = rows.Select(r => r.Guest).ToArray(),
            events = rows.Select(r => r.Event).ToArray(),
        });
        return _database.ExecuteAsync(
            $"""
            INSERT INTO {_shape.Sql} ({_shape.KeyColumns}, {Columns})
            SELECT * FROM unnest({keys}@phones, @users::{type}[]{links})
            """,
            parameters);
    }

    /// <summary>The phone, the user, and what tells the event.</summary>
    private string Columns => string.Join(", ", new[] { _shape.Phone, _shape.User }.Concat(_shape.Links).Select(TargetShape.Quote));

    public async Task<IReadOnlyDictionary<string, string?>> UsersOfDeliveriesAsync() =>
        (await _database.QueryAsync<(string Key, string? User)>(
            $"SELECT {_shape.KeyTextSql}, d.{TargetShape.Quote(_shape.User)}::text FROM {_shape.Sql} d"))
        .ToDictionary(row => row.Key, row => row.User);

    /// <summary>Writes every record, without a change to it.</summary>
    public Task TouchAsync() => _database.ExecuteAsync($"UPDATE {_shape.Sql} SET note = 'touched'");

    /// <summary>What users the records have by the audit: each row of it that changed something, from what was before.</summary>
    public async Task<IReadOnlyDictionary<string, string?>> ReplayAsync(IReadOnlyDictionary<string, string?> before)
    {
        var users = before.ToDictionary();
        foreach (var (key, former, user) in await _database.QueryAsync<(string Key, string? Former, string? User)>(
            """
            SELECT COALESCE(record_key, record_id::text), previous_user_id::text, linked_user_id::text
            FROM user_link_audit
            WHERE outcome IN ('linked', 'unlinked') AND NOT dry_run
            ORDER BY id
            """))
        {
            Assert.Equal(former, users[key]);
            Assert.NotEqual(user, users[key]);
            users[key] = user;
        }

        return users;
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
