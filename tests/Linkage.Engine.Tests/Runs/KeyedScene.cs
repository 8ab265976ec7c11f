using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>
/// The application's tables with deliveries of some kind of key, what is to be true of them whatever happens to a run, and witnesses: the
/// table <c>own</c> holds what the application itself set, <c>trespass</c> what Linkage wrote where it has no business.
/// </summary>
internal sealed class KeyedScene : IAsyncDisposable
{
    private const string Schema =
        """
        CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), phone text);
        CREATE TABLE event_guests (
          id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_id uuid NOT NULL, guest_name text, phone text, user_id uuid REFERENCES users,
          removed_at timestamptz);
        CREATE UNIQUE INDEX event_guests_event_id_phone_active_key ON event_guests (event_id, phone) WHERE removed_at IS NULL;
        CREATE TABLE message_deliveries (
          {key}, message_id uuid, phone_number text, user_id uuid REFERENCES users, guest_id uuid REFERENCES event_guests,
          status text NOT NULL DEFAULT '', PRIMARY KEY ({columns})){partitions};
        CREATE TABLE own (key text PRIMARY KEY, user_id uuid);
        CREATE TABLE trespass (relation name, operation text);
        CREATE SEQUENCE number_of_row;
        """;

    private const string Witnesses =
        """
        CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF current_setting('application_name') LIKE 'Linkage%' THEN
            INSERT INTO public.trespass VALUES (TG_TABLE_NAME, TG_OP);
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER witness BEFORE INSERT OR UPDATE OR DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION witness();
        CREATE TRIGGER witness BEFORE INSERT OR UPDATE OR DELETE ON event_guests FOR EACH STATEMENT EXECUTE FUNCTION witness();
        CREATE TRIGGER witness BEFORE INSERT OR UPDATE OR DELETE ON own FOR EACH STATEMENT EXECUTE FUNCTION witness();
        CREATE TRIGGER witness BEFORE INSERT OR DELETE ON message_deliveries FOR EACH STATEMENT EXECUTE FUNCTION witness();
        CREATE TRIGGER witness_of_rows AFTER UPDATE ON message_deliveries FOR EACH ROW
        WHEN (to_jsonb(OLD) - 'user_id' IS DISTINCT FROM to_jsonb(NEW) - 'user_id') EXECUTE FUNCTION witness();
        """;

    private readonly TestDatabase _database;
    private readonly string _facts;

    private KeyedScene(TestDatabase database, RunKey key)
    {
        (_database, Key) = (database, key);
        // A connection of its own for each statement: the server may have crashed meanwhile.
        _facts = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false, CommandTimeout = 0 }.ConnectionString;
    }

    public RunKey Key { get; }

    public string ConnectionString => _database.ConnectionString;

    public static async Task<KeyedScene> CreateAsync(RunKey key, TestDatabase? database = null)
    {
        var scene = new KeyedScene(database ?? await PostgresFixture.CreateEmptyDatabaseAsync(), key);
        await scene.ExecuteAsync(Schema
            .Replace("{key}", key.Definition(), StringComparison.Ordinal)
            .Replace("{columns}", key.Columns(), StringComparison.Ordinal)
            .Replace("{partitions}", key == RunKey.Partitioned ? " PARTITION BY LIST (tenant)" : "", StringComparison.Ordinal));
        if (key == RunKey.Partitioned)
        {
            await scene.ExecuteAsync(
                """
                CREATE TABLE deliveries_0 PARTITION OF message_deliveries FOR VALUES IN (0);
                CREATE TABLE deliveries_1 PARTITION OF message_deliveries FOR VALUES IN (1);
                CREATE TABLE deliveries_other PARTITION OF message_deliveries DEFAULT;
                """);
        }

        await using (var engine = await scene.OpenAsync())
            await LinkedDatabase.InstallAsync(engine);
        await scene.ExecuteAsync(Witnesses);
        return scene;
    }

    /// <summary>
    /// Forgets everything and begins anew: every fourth guest has no user; skewed, nine of ten candidates lie side by side in the table and
    /// by their key, and the application has linked most of the others itself.
    /// </summary>
    public Task FillAsync(int deliveries, bool isSkewed = false) => ExecuteAsync(
        $"""
        SET session_replication_role = replica;
        TRUNCATE users, event_guests, message_deliveries, own, trespass, user_link_audit,
          linkage.link_cursor, linkage.link_suppression, linkage.run, linkage.run_range, linkage.run_fault;
        ALTER SEQUENCE number_of_row RESTART;
        INSERT INTO users (phone) SELECT '+1212555' || to_char(i, 'FM0000') FROM generate_series(1, 40) AS i;
        -- whom the application links by itself
        INSERT INTO users (phone) SELECT NULL FROM generate_series(1, 5);
        INSERT INTO event_guests (event_id, phone, user_id)
        SELECT 'e0000000-0000-0000-0000-000000000001', '+1213555' || to_char(u.n, 'FM0000'), CASE WHEN u.n % 4 > 0 THEN u.id END
        FROM (
          SELECT u.id, row_number() OVER () AS n FROM users u CROSS JOIN generate_series(1, 10) WHERE u.phone IS NOT NULL
        ) AS u;
        {InsertAsApplication(isSkewed, deliveries, isSkewed ? $"i > {deliveries / 2} AND i % 10 > 0" : "FALSE")};
        INSERT INTO own SELECT {Key.Text()}, d.user_id FROM message_deliveries d WHERE d.user_id IS NOT NULL;
        RESET session_replication_role;
        ANALYZE;
        """);

    /// <summary>More rows, as the application inserts them.</summary>
    public string Insert(int rows, bool isSkewed) => InsertAsApplication(isSkewed, rows, "FALSE");

    public Task<LinkageDatabase> OpenAsync() => LinkageDatabase.OpenAsync(ConnectionString, CancellationToken.None);

    public async Task<int> ExecuteAsync(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection(_facts);
        return await connection.ExecuteAsync(sql, parameters);
    }

    public async Task<T> ScalarAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection(_facts);
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    public Task<long> CandidatesAsync() => ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NULL");

    /// <summary>The deliveries and their users as one value, to compare before and after.</summary>
    public Task<string> FingerprintAsync() => ScalarAsync<string>(
        $"SELECT md5(string_agg(to_jsonb(d)::text, ',' ORDER BY {Key.Text()} COLLATE \"C\")) FROM message_deliveries d");

    public async Task<RunRecord> RunAsync(Guid run)
    {
        await using var engine = await OpenAsync();
        return await new RunLog(engine).GetAsync(run, CancellationToken.None);
    }

    /// <summary>
    /// Every row that Linkage changed has the audit rows that say so, and nothing that the application set is overwritten; no run audited a
    /// record twice; counts and faults are what the audit tells; nothing else was written; completed runs left no claim.
    /// </summary>
    public async Task AssertSoundAsync()
    {
        await AssertNoneAsync(
            $"""
            SELECT {Story}
            FROM message_deliveries d
            LEFT JOIN own o ON o.key = {Key.Text()}
            LEFT JOIN (
              SELECT
                COALESCE(record_key, record_id::text) AS key,
                sum(CASE outcome WHEN 'linked' THEN 1 ELSE -1 END) AS links,
                (array_agg(linked_user_id ORDER BY id DESC))[1] AS user_id
              FROM user_link_audit
              WHERE outcome IN ('linked', 'unlinked') AND NOT dry_run
              GROUP BY 1
            ) AS a ON a.key = {Key.Text()}
            WHERE CASE
              WHEN o.key IS NOT NULL THEN d.user_id IS DISTINCT FROM o.user_id
              ELSE COALESCE(a.links, 0) <> (d.user_id IS NOT NULL)::integer OR a.user_id IS DISTINCT FROM d.user_id
            END
            """);
        await AssertNoneAsync(
            """
            SELECT concat_ws(' ', run_id, record_id, record_key, string_agg(outcome, ','))
            FROM user_link_audit
            WHERE run_id IS NOT NULL
            GROUP BY run_id, record_id, record_key
            HAVING count(*) > 1
            """);
        await AssertNoneAsync(
            """
            SELECT concat_ws(' ', r.id, r.kind, r.status, r.counts, a.counts)
            FROM linkage.run r
            CROSS JOIN LATERAL (
              SELECT jsonb_build_object(
                'processed', count(*),
                'linked', count(*) FILTER (WHERE a.outcome = 'linked' AND r.undoes IS NULL),
                'no_match', count(*) FILTER (WHERE a.outcome = 'no_match'),
                'skipped', count(*) FILTER (WHERE a.outcome = 'skipped'),
                'rolled_back', count(*) FILTER (WHERE a.outcome IN ('linked', 'unlinked') AND r.undoes IS NOT NULL),
                'unchanged', count(*) FILTER (WHERE a.outcome = 'unchanged'),
                'conflicts', count(*) FILTER (WHERE a.outcome = 'conflict'),
                'failed', count(*) FILTER (WHERE a.metadata ->> 'reason' LIKE 'error %'))
              FROM user_link_audit a
              WHERE a.run_id = r.id
            ) AS a (counts)
            WHERE EXISTS (
              SELECT FROM jsonb_each_text(a.counts) AS c (name, value) WHERE c.value::bigint <> COALESCE((r.counts ->> c.name)::bigint, 0))
              OR (a.counts ->> 'failed')::bigint <> (SELECT count(*) FROM linkage.run_fault f WHERE f.run_id = r.id)
            """);
        await AssertNoneAsync(
            "SELECT g.run_id::text FROM linkage.run_range g JOIN linkage.run r ON r.id = g.run_id WHERE r.status = 'completed'");
        await AssertNoneAsync("SELECT concat_ws(' ', relation, operation) FROM trespass");
    }

    /// <summary>Nothing is left that the rule "guest" would link, but for what is suppressed and what the run reported as failed.</summary>
    public Task AssertAllLinkedAsync(Guid run) => AssertNoneAsync(
        $"""
        SELECT {Story}
        FROM message_deliveries d
        JOIN event_guests g ON g.id = d.guest_id AND g.user_id IS NOT NULL AND g.removed_at IS NULL
        WHERE d.user_id IS NULL
          AND NOT EXISTS (SELECT FROM linkage.link_suppression s WHERE s.record_key = {Key.Text()} AND s.user_id = g.user_id)
          AND NOT EXISTS (SELECT FROM linkage.run_fault f WHERE f.run_id = @run AND f.record_key = {Key.Text()})
        """,
        new { run });

    /// <summary>No link of the run stands any more, but for what the undo reported as failed.</summary>
    public Task AssertUndoneAsync(Guid run) => AssertNoneAsync(
        $"""
        SELECT {Story}
        FROM message_deliveries d
        JOIN (
          SELECT DISTINCT ON (key) COALESCE(record_key, record_id::text) AS key, run_id, linked_user_id
          FROM user_link_audit
          WHERE outcome IN ('linked', 'unlinked') AND NOT dry_run
          ORDER BY key, id DESC
        ) AS a ON a.key = {Key.Text()}
        WHERE a.run_id = @run AND d.user_id = a.linked_user_id
          AND NOT EXISTS (
            SELECT FROM linkage.run_fault f JOIN linkage.run u ON u.id = f.run_id WHERE u.undoes = @run AND f.record_key = a.key)
        """,
        new { run });

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <summary>What became of delivery d.</summary>
    private string Story =>
        $"""
        concat_ws(' ', {Key.Text()}, d.ctid, d.xmin, d.user_id, d.status, (
          SELECT string_agg(concat_ws(' ', a.id, a.run_id, a.source, a.outcome, a.linked_user_id, a.metadata), ', ' ORDER BY a.id)
          FROM user_link_audit a
          WHERE COALESCE(a.record_key, a.record_id::text) = {Key.Text()}))
        """;

    private async Task AssertNoneAsync(string sql, object? parameters = null)
    {
        var found = await ScalarAsync<string?>(
            $"SELECT string_agg(found, E'\\n') FROM (SELECT found FROM ({sql}) AS f (found) LIMIT 10) AS f", parameters);
        Assert.True(found is null, found);
    }

    private string InsertAsApplication(bool isSkewed, int rows, string isOwn) =>
        $"""
        INSERT INTO message_deliveries ({Key.Columns()}, guest_id, phone_number, user_id)
        SELECT
          {Key.Values(isSkewed)}, g.ids[1 + i % cardinality(g.ids)], substr(g.phones[1 + i % cardinality(g.ids)], 3),
          CASE WHEN {isOwn} THEN g.stranger END
        FROM (
          SELECT array_agg(id) AS ids, array_agg(phone) AS phones, (SELECT id FROM users WHERE phone IS NULL LIMIT 1) AS stranger
          FROM event_guests
        ) AS g
        CROSS JOIN (SELECT nextval('number_of_row') AS i FROM generate_series(1, {rows})) AS n
        """;
}
