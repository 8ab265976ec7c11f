using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.Runs;

/// <summary>Deliveries by the thousand, most of them linkable by their guest, and what must be true of them whatever happens to a run.</summary>
internal sealed class RunScene(LinkedDatabase database) : IAsyncDisposable
{
    public const string Target = "message_deliveries";

    public LinkedDatabase Database { get; } = database;

    public static async Task<RunScene> CreateAsync(int deliveries, bool isAnalyzed = true)
    {
        var scene = new RunScene(await LinkedDatabase.CreateAsync());
        await FillAsync(scene.Database.ExecuteAsync, deliveries);
        if (isAnalyzed)
            await scene.Database.ExecuteAsync("ANALYZE message_deliveries, event_guests, users");
        return scene;
    }

    /// <summary>Every fourth guest has no user; the application's rows come in past the triggers.</summary>
    public static Task<int> FillAsync(Func<string, object?, Task<int>> execute, int deliveries) => execute(
        """
        SET session_replication_role = replica;
        INSERT INTO events (id) VALUES ('e0000000-0000-0000-0000-000000000001');
        INSERT INTO users (phone) SELECT '+1212555' || to_char(i, 'FM0000') FROM generate_series(1, 40) AS i;
        INSERT INTO event_guests (event_id, phone, user_id)
        SELECT 'e0000000-0000-0000-0000-000000000001', '+1213555' || to_char(u.n, 'FM0000'), CASE WHEN u.n % 4 > 0 THEN u.id END
        FROM (SELECT u.id, row_number() OVER () AS n FROM users u CROSS JOIN generate_series(1, 10)) AS u;
        INSERT INTO message_deliveries (guest_id, phone_number)
        SELECT g.ids[1 + i % cardinality(g.ids)], substr(g.phones[1 + i % cardinality(g.ids)], 3)
        FROM (SELECT array_agg(id) AS ids, array_agg(phone) AS phones FROM event_guests) AS g CROSS JOIN generate_series(1, @deliveries) AS i;
        RESET session_replication_role;
        """,
        new { deliveries });

    public ValueTask DisposeAsync() => Database.DisposeAsync();

    public Task<RunResult> BackfillAsync(
        RunOptions? options = null, Action<RunProgress>? progress = null, LinkageDatabase? engine = null, CancellationToken cancellation = default) =>
        new UserLinkBackfill(engine ?? Database.Engine).RunAsync(Target, options ?? Options(), progress ?? (_ => { }), cancellation);

    public static RunOptions Options(int batchSize = 100) => new() { BatchSize = batchSize, TargetWait = TimeSpan.Zero };

    public Task<RunRecord> RunAsync(Guid run) => new RunLog(Database.Engine).GetAsync(run, CancellationToken.None);

    public Task<long> CandidatesAsync() => Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NULL");

    public Task<long> LinkedAsync() => Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL");

    /// <summary>The deliveries and their users as one value, to compare before and after.</summary>
    public Task<string> FingerprintAsync() => Database.ScalarAsync<string>(
        "SELECT md5(string_agg(id::text || COALESCE(user_id::text, '-'), ',' ORDER BY id)) FROM message_deliveries");

    /// <summary>
    /// Only whole batches; every link has its audit row; no run audited a record twice; nobody has a user who is not the guest's.
    /// </summary>
    public async Task AssertSoundAsync()
    {
        Assert.Equal(0, await Database.ScalarAsync<long>(
            """
            SELECT count(*) FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
            WHERE d.user_id IS NOT NULL AND d.user_id IS DISTINCT FROM g.user_id
            """));
        Assert.Equal(0, await Database.ScalarAsync<long>(
            "SELECT count(*) FROM (SELECT FROM user_link_audit WHERE run_id IS NOT NULL GROUP BY run_id, record_id HAVING count(*) > 1) AS twice"));
        Assert.Equal(0, await Database.ScalarAsync<long>(
            """
            SELECT count(*)
            FROM message_deliveries d
            LEFT JOIN (
              SELECT record_id, sum(CASE outcome WHEN 'linked' THEN 1 WHEN 'unlinked' THEN -1 ELSE 0 END) AS links
              FROM user_link_audit
              WHERE NOT dry_run
              GROUP BY 1
            ) AS a ON a.record_id = d.id
            WHERE COALESCE(a.links, 0) <> CASE WHEN d.user_id IS NULL THEN 0 ELSE 1 END
            """));
        Assert.Equal(0, await Database.ScalarAsync<long>(
            """
            SELECT count(*)
            FROM linkage.run r
            LEFT JOIN (
              SELECT run_id, count(*) AS processed, count(*) FILTER (WHERE outcome = 'linked') AS linked FROM user_link_audit GROUP BY 1
            ) AS a ON a.run_id = r.id
            WHERE r.kind = 'UserLinkBackfill'
              AND (COALESCE((r.counts ->> 'processed')::bigint, 0), COALESCE((r.counts ->> 'linked')::bigint, 0))
                <> (COALESCE(a.processed, 0), COALESCE(a.linked, 0))
            """));
    }

    /// <summary>Nothing is left that the rule "guest" would link.</summary>
    public async Task AssertAllLinkedAsync() => Nothing(await Database.ScalarAsync<string>(
        """
        SELECT COALESCE(string_agg(format('%s at %s: %s', d.id, d.ctid, a.story), E'\n'), '')
        FROM (
          SELECT d.id, d.ctid FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
          WHERE d.user_id IS NULL AND g.user_id IS NOT NULL AND g.removed_at IS NULL
          LIMIT 10
        ) AS d
        CROSS JOIN LATERAL (
          SELECT string_agg(concat_ws(' ', a.run_id, a.outcome, a.metadata), ', ' ORDER BY a.id) FROM user_link_audit a WHERE a.record_id = d.id
        ) AS a (story)
        """));

    private static void Nothing(string found) => Assert.True(found.Length == 0, found);
}
