using Dapper;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>
/// After a backfill the application goes on in every way: a plain model of the documentation names the same links as wrong as the listing does,
/// for the same reasons, and as many as the check counts; the repair makes of them what the model says, and its undo what they were.
/// </summary>
public sealed class WrongLinkDifferentialTests(ITestOutputHelper output)
{
    private static readonly string[] _reasons =
    [
        "the user does not exist", "its guest moved to another user", "its guest has another user",
        "the link came from a guest of another event", "the phone belongs to someone else at this event",
    ];

    public static TheoryData<string, int, bool, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, bool, bool>
            {
                { "message_deliveries, uuid", 12_000, true, true },
                { "message_deliveries, uuid", 4_000, true, false },
                { "message_deliveries, uuid", 1_500, false, true },
            };
            foreach (var shape in TargetShape.All.Skip(1))
                cases.Add(shape.Label, 3_000, true, true);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Listing_count_repair_and_undo_agree_with_the_model(string label, int deliveries, bool linking, bool fallback)
    {
        var seed = TestSeed.Next(output);
        var shape = TargetShape.Named(label);
        var links = new RandomLinks(seed, shape, deliveries);
        await using var database = await RandomLinksDatabase.CreateAsync(links, shape, linking: true, fallback);
        await database.ResetAsync();
        await new UserLinkBackfill(database.Engine).RunAsync(database.Target, new RunOptions(), _ => { }, CancellationToken.None);
        await GoOnAsync(database, shape, seed);
        await database.Connection.ExecuteAsync("SELECT linkage.set_feature_flag('LINK_USER_BY_PHONE', @linking)", new { linking });

        var expected = await ExpectedAsync(database, shape, fallback);
        var listed = await ListAsync(database);

        AssertSame(expected, listed.ToDictionary(link => link.DeliveryId, Told));
        if (deliveries >= 12_000)
            Assert.All(_reasons, reason => Assert.Contains(expected.Values, link => link.Reasons.Contains(reason, StringComparison.Ordinal)));
        Assert.Equal(
            expected.Count, await database.Connection.ExecuteScalarAsync<long>("SELECT linkage.count_wrong_links(@Target)", new { database.Target }));

        var before = await database.UsersOfDeliveriesAsync();
        var skipped = await SkippedAsync(database, expected.Values, linking, fallback, shape);
        var result = await new UserLinkRepair(database.Engine).RunAsync(
            database.Target,
            [.. listed.Select(link => new RepairItem(link.DeliveryId, new(link.UserId), new(link.GuestId), new(link.Phone)))],
            new RunOptions { BatchSize = 500 }, _ => { }, CancellationToken.None);

        Assert.Equal((expected.Count, skipped.Count), (result.Count("processed"), result.Count("skipped")));
        var after = await database.UsersOfDeliveriesAsync();
        AssertSame(
            before.ToDictionary(
                row => row.Key,
                row => expected.TryGetValue(row.Key, out var wrong) && !skipped.Contains(row.Key) ? wrong.Expected : row.Value),
            after.ToDictionary(row => row.Key, row => row.Value));
        Assert.Equal(skipped.Order(), (await ListAsync(database)).Select(link => link.DeliveryId).Order());

        if (result.Count("processed") == result.Count("skipped"))
            return;
        var undo = await new RunUndo(database.Engine).UndoAsync(
            result.RunId!.Value, false, new RunOptions(), _ => { }, CancellationToken.None);
        // Users who don't exist don't come back.
        var users = (await database.QueryAsync<string>("SELECT id::text FROM users")).ToHashSet();
        AssertSame(
            before.ToDictionary(row => row.Key, row => row.Value is null || users.Contains(row.Value) ? row.Value : after[row.Key]),
            (await database.UsersOfDeliveriesAsync()).ToDictionary(row => row.Key, row => row.Value));
        Assert.Equal(result.Count("relinked") + result.Count("unlinked"), undo.Count("rolled_back") + undo.Count("conflicts"));
    }

    /// <summary>
    /// What an application does past all triggers: guests move to other users, events and phones, lose their users, are removed; deliveries get
    /// other guests, phones and users; audits are cleared; undone links come back by hand.
    /// </summary>
    private static Task<int> GoOnAsync(RandomLinksDatabase database, TargetShape shape, int seed)
    {
        var (phone, user) = (Quote(shape.Phone), Quote(shape.User));
        return database.Connection.ExecuteAsync(
            $"""
            SET session_replication_role = replica;
            SELECT setseed({seed} / 2147483648.0);
            DROP INDEX event_guests_event_id_phone_active_key;
            CREATE TEMP TABLE pool AS
            SELECT
              (SELECT array_agg(id ORDER BY id) FROM users) AS users, (SELECT array_agg(id ORDER BY id) FROM event_guests) AS guests,
              (SELECT array_agg(DISTINCT event_id) FROM event_guests) AS events,
              (SELECT array_agg(phone ORDER BY id) FROM event_guests WHERE phone IS NOT NULL) AS phones;
            CREATE FUNCTION pick(anyarray) RETURNS anyelement LANGUAGE sql VOLATILE
            AS 'SELECT $1[1 + floor(random() * cardinality($1))::integer]';
            UPDATE event_guests SET user_id = CASE WHEN random() < 0.7 THEN pick(p.users) END FROM pool p WHERE random() < 0.15;
            UPDATE event_guests SET removed_at = CASE WHEN removed_at IS NULL THEN now() END WHERE random() < 0.12;
            UPDATE event_guests SET event_id = pick(p.events) FROM pool p WHERE random() < 0.08;
            UPDATE event_guests SET phone = pick(p.phones) FROM pool p WHERE random() < 0.08;
            {(shape.Guest is null ? "" : Move(shape, shape.Guest, "guests"))}
            {(shape.Event is null ? "" : Move(shape, shape.Event, "events"))}
            UPDATE {shape.Sql} SET {phone} = CASE WHEN random() < 0.8 THEN pick(p.phones) END FROM pool p WHERE random() < 0.1;
            UPDATE {shape.Sql} SET {user} = pick(p.users) FROM pool p WHERE random() < 0.1;
            -- the user of a guest with the same phone at whatever event, as a careless script would find it
            UPDATE {shape.Sql} d SET {user} = g.user_id FROM event_guests g
            WHERE d.{user} IS NULL AND normalize_phone(g.phone) = normalize_phone(d.{phone}) AND g.user_id IS NOT NULL AND random() < 0.3;
            DELETE FROM user_link_audit WHERE random() < 0.2;
            INSERT INTO user_link_audit (table_name, record_id, record_key, outcome, previous_user_id, source)
            SELECT table_name, record_id, record_key, 'unlinked', linked_user_id, 'undo'
            FROM user_link_audit WHERE outcome = 'linked' AND random() < 0.05;
            DELETE FROM event_guests WHERE random() < 0.02;
            DELETE FROM users WHERE random() < 0.02;
            DROP FUNCTION pick(anyarray);
            RESET session_replication_role;
            ANALYZE;
            """);
    }

    private static string Move(TargetShape shape, string column, string pool) =>
        $"UPDATE {shape.Sql} SET {Quote(column)} = CASE WHEN random() < 0.8 THEN pick(p.{pool}) END FROM pool p WHERE random() < 0.12;";

    private static async Task<Dictionary<string, WrongLink>> ExpectedAsync(RandomLinksDatabase database, TargetShape shape, bool fallback)
    {
        var model = new WrongLinkModel(
            fallback,
            [.. (await database.QueryAsync<(string, string?)>("SELECT id::text, phone FROM users")).Select(u => new ModelUser(u.Item1, u.Item2))],
            [.. (await database.QueryAsync<(string Id, string Event, string? Phone, string? User, bool IsRemoved)>(
                "SELECT id::text, event_id::text, phone, user_id::text, removed_at IS NOT NULL FROM event_guests"))
                .Select(g => new ModelGuest(g.Id, g.Event, g.Phone, g.User, g.IsRemoved))],
            await database.QueryAsync<(string, string)>("SELECT record_key, user_id::text FROM linkage.link_suppression"),
            (await database.QueryAsync<(string Key, string Outcome, string? User, string? Rule, string? Guest, string? Event, string? Source)>(
                """
                SELECT DISTINCT ON (1)
                  COALESCE(record_key, record_id::text), outcome, linked_user_id::text, rule, matched_guest_id::text, event_id::text, source
                FROM user_link_audit WHERE outcome IN ('linked', 'unlinked') AND NOT dry_run
                ORDER BY 1, created_at DESC, id DESC
                """)).Select(a => new ModelOrigin(a.Key, a.Outcome, a.User, a.Rule, a.Guest, a.Event, a.Source)));
        return (await DeliveriesAsync(database, shape)).Select(model.Judge).OfType<WrongLink>().ToDictionary(link => link.Key);
    }

    private static async Task<IEnumerable<ModelDelivery>> DeliveriesAsync(RandomLinksDatabase database, TargetShape shape) =>
        (await database.QueryAsync<(string Key, string? Phone, string? Guest, string? Event, string? User)>(
            $"""
            SELECT
              {shape.KeyTextSql}, d.{Quote(shape.Phone)}, {Text(shape.Guest)}, {Text(shape.Event)}, {Text(shape.User)}
            FROM {shape.Sql} d
            """)).Select(d => new ModelDelivery(d.Key, [], d.Phone, d.Guest, d.Event, d.User));

    private static string Text(string? column) => column is null ? "NULL" : $"d.{Quote(column)}::text";

    private static string Quote(string column) => TargetShape.Quote(column);

    /// <summary>What a repair leaves alone: all of it while the flag is off, else whom the rule would link and an undo keeps apart.</summary>
    private static async Task<HashSet<string>> SkippedAsync(
        RandomLinksDatabase database, IEnumerable<WrongLink> wrong, bool linking, bool fallback, TargetShape shape)
    {
        if (!linking)
            return [.. wrong.Select(link => link.Key)];
        var rules = new LinkModel(
            linking: true, fallback,
            (await database.QueryAsync<(string, string?)>("SELECT id::text, phone FROM users")).Select(u => new ModelUser(u.Item1, u.Item2)),
            (await database.QueryAsync<(string Id, string Event, string? Phone, string? User, bool IsRemoved)>(
                "SELECT id::text, event_id::text, phone, user_id::text, removed_at IS NOT NULL FROM event_guests"))
                .Select(g => new ModelGuest(g.Id, g.Event, g.Phone, g.User, g.IsRemoved)),
            await database.QueryAsync<(string, string)>("SELECT record_key, user_id::text FROM linkage.link_suppression"));
        var keys = wrong.Select(link => link.Key).ToHashSet();
        return [.. (await DeliveriesAsync(database, shape))
            .Where(delivery => keys.Contains(delivery.Key) && rules.Decide(delivery) is { Outcome: "skipped", Rule: not null })
            .Select(delivery => delivery.Key)];
    }

    private static async Task<List<WrongUserLink>> ListAsync(RandomLinksDatabase database)
    {
        List<WrongUserLink> listed = [];
        await foreach (var link in new WrongUserLinks(database.Engine).FindAsync(database.Target, CancellationToken.None))
            listed.Add(link);
        return listed;
    }

    private static WrongLink Told(WrongUserLink link) =>
        new(link.DeliveryId, string.Join("; ", link.Reasons), link.ExpectedUserId, link.Rule, link.Source);

    private static void AssertSame<T>(Dictionary<string, T> expected, Dictionary<string, T> actual)
    {
        Assert.Empty(expected.Keys.Union(actual.Keys)
            .Where(key => !Equals(expected.GetValueOrDefault(key), actual.GetValueOrDefault(key)))
            .Select(key => $"{key}: expected {expected.GetValueOrDefault(key)}, found {actual.GetValueOrDefault(key)}")
            .Take(5));
        Assert.Equal(expected.Count, actual.Count);
    }
}
