using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Npgsql;
using Xunit.Abstractions;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>A repair goes by what a record is when it gets to it, and leaves what the application writes meanwhile to the application.</summary>
public sealed class UserLinkRepairConcurrencyTests(ITestOutputHelper output)
{
    private const string Table = "message_deliveries";

    [Theory]
    [InlineData("UPDATE message_deliveries SET user_id = NULL", "skipped: changed meanwhile")]
    [InlineData("UPDATE message_deliveries SET phone_number = '+12135559999'", "skipped: changed meanwhile")]
    [InlineData("UPDATE message_deliveries SET guest_id = NULL", "skipped: changed meanwhile")]
    [InlineData("DELETE FROM message_deliveries", "skipped: the record is gone")]
    [InlineData("UPDATE message_deliveries SET status = 'sent'", "linked")]
    public async Task A_record_that_the_application_is_writing_is_waited_for_and_judged_by_what_it_is_then(string write, string outcome)
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.DeliveryAsync(scene.NewPhone(), await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        await using var application = await scene.Database.OpenAsync();
        await using var transaction = await application.BeginTransactionAsync();
        await application.ExecuteAsync(write);

        var repair = RepairAsync(scene.Database.Engine, [new(delivery)], 50);
        await WaitForRepairAsync(scene.Database, repair);
        await transaction.CommitAsync();
        await repair;

        Assert.Equal(
            [outcome],
            await scene.Database.QueryAsync<string>(
                "SELECT concat_ws(': ', outcome, metadata ->> 'reason') FROM user_link_audit WHERE source = 'repair' AND record_id = @delivery::uuid",
                new { delivery }));
    }

    [Fact]
    public async Task A_guest_who_is_being_moved_on_while_the_record_is_waited_for_decides_by_the_user_that_is_committed()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        var carl = await scene.Database.ScalarAsync<string>("INSERT INTO users DEFAULT VALUES RETURNING id::text");
        var delivery = await scene.DeliveryAsync(null, guest, user: Bob);
        await using var application = await scene.Database.OpenAsync();
        await using var transaction = await application.BeginTransactionAsync();
        await application.ExecuteAsync("UPDATE message_deliveries SET status = 'sent'");
        await Sessions.LinkGuestAsync(application, guest, carl);

        var repair = RepairAsync(scene.Database.Engine, [new(delivery)], 50);
        await WaitForRepairAsync(scene.Database, repair);
        await transaction.CommitAsync();

        Assert.Equal(1, (await repair).Count("relinked"));
        Assert.Equal(carl, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task Two_sessions_with_the_same_list_repair_each_record_once()
    {
        await using var scene = await WrongAsync(1000);
        var listed = await ListAsync(scene);

        var results = await Task.WhenAll(
            RepairAsync(scene.Database.Engine, listed, 50), RepairAsync(scene.Database.Engine, listed, 50));

        Assert.Equal(1000, results.Sum(result => result.Count("relinked")));
        Assert.Equal(1000, results.Sum(result => result.Count("skipped")));
        await AssertSoundAsync(scene.Database);
        Assert.Empty(await ListAsync(scene));
    }

    [Fact]
    public async Task While_the_application_writes_deliveries_moves_guests_and_deletes_nothing_of_its_own_is_overwritten()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await WrongAsync(2000);
        var listed = await ListAsync(scene);
        using var done = new CancellationTokenSource();
        // Nobody's session but the application's may be waited for: it retries where it is in a deadlock.
        var application = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => WriteAsync(scene.Database, new Random(random.Next()), done.Token)));

        var result = await RepairAsync(scene.Database.Engine, listed, 20);
        await done.CancelAsync();
        var writes = await application;

        output.WriteLine($"{writes.Sum()} writes; {result.Count("relinked")} relinked, {result.Count("unlinked")} unlinked, {result.Count("skipped")} skipped");
        Assert.Equal(2000, result.Count("processed"));
        Assert.True(result.Count("relinked") > 0);
        await AssertSoundAsync(scene.Database);

        // What moved on behind the repair's back is named by the next listing, and mended by the next repair, but for what the
        // application wrote by its own hand, of which the rules know as much as before.
        await RepairAsync(scene.Database.Engine, await ListAsync(scene), 500);
        Assert.Empty(await ListAsync(scene));
        await RepairUndoneAsync(scene, result);
    }

    /// <summary>The undo gives back what the first repair changed and nobody has changed since.</summary>
    private static async Task RepairUndoneAsync(LinkScene scene, RunResult repair)
    {
        var undo = await scene.UndoAsync(repair.RunId!.Value);

        Assert.Equal(repair.Count("relinked") + repair.Count("unlinked"), undo.Count("rolled_back") + undo.Count("unchanged") + undo.Count("conflicts"));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            """
            SELECT count(*)
            FROM user_link_audit a JOIN message_deliveries d ON d.id = a.record_id
            WHERE a.source = 'undo' AND a.outcome = 'linked' AND d.user_id IS DISTINCT FROM a.linked_user_id
            """));
    }

    /// <summary>So many deliveries of guests whose user they don't have, and the table in which the application notes what it wrote itself.</summary>
    private static async Task<LinkScene> WrongAsync(int deliveries)
    {
        var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            $"""
            SET session_replication_role = replica;
            INSERT INTO users (id) SELECT md5(i::text)::uuid FROM generate_series(1, 20) i;
            INSERT INTO event_guests (event_id, phone, user_id)
            SELECT '{Event}', '+1213777' || to_char(i, 'FM0000'), md5((1 + i % 20)::text)::uuid FROM generate_series(1, 200) i;
            INSERT INTO message_deliveries (guest_id, phone_number, user_id)
            SELECT g.id, g.phone, '{Bob}' FROM event_guests g, generate_series(1, {deliveries / 200});
            CREATE TABLE own (id uuid PRIMARY KEY, user_id uuid);
            RESET session_replication_role;
            ANALYZE
            """);
        return scene;
    }

    /// <summary>Writes what an application does, one transaction after the other; how many went through.</summary>
    private static async Task<int> WriteAsync(LinkedDatabase database, Random random, CancellationToken end)
    {
        string[] writes =
        [
            """
            WITH chosen AS (
              UPDATE message_deliveries SET user_id = md5((1 + @user)::text)::uuid
              WHERE id = (SELECT id FROM message_deliveries OFFSET @row % 1000 LIMIT 1) RETURNING id, user_id)
            INSERT INTO own SELECT * FROM chosen ON CONFLICT (id) DO UPDATE SET user_id = EXCLUDED.user_id
            """,
            "UPDATE event_guests SET user_id = md5((1 + @user)::text)::uuid WHERE id = (SELECT id FROM event_guests OFFSET @row % 200 LIMIT 1)",
            "UPDATE event_guests SET removed_at = now() WHERE id = (SELECT id FROM event_guests OFFSET @row % 200 LIMIT 1)",
            "DELETE FROM message_deliveries WHERE id = (SELECT id FROM message_deliveries OFFSET @row % 1000 LIMIT 1)",
            "UPDATE message_deliveries SET status = 'sent' WHERE id = (SELECT id FROM message_deliveries OFFSET @row % 1000 LIMIT 1)",
        ];
        await using var connection = await database.OpenAsync();
        var count = 0;
        while (!end.IsCancellationRequested)
        {
            try
            {
                await connection.ExecuteAsync(writes[random.Next(writes.Length)], new { user = random.Next(20), row = random.Next(1000) });
                count++;
            }
            catch (PostgresException fault) when (fault.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
            }
        }

        return count;
    }

    /// <summary>
    /// No record was changed twice by one run; what the application wrote last it still has; every other record has the user that its last audit
    /// row gave it, or the one from the start; nothing was set over a user that was not listed.
    /// </summary>
    private static async Task AssertSoundAsync(LinkedDatabase database)
    {
        Assert.Equal(0, await database.ScalarAsync<long>(
            "SELECT count(*) FROM (SELECT FROM user_link_audit WHERE run_id IS NOT NULL GROUP BY run_id, record_id HAVING count(*) > 1) AS twice"));
        Assert.Equal(0, await database.ScalarAsync<long>(
            "SELECT count(*) FROM own o JOIN message_deliveries d ON d.id = o.id WHERE d.user_id IS DISTINCT FROM o.user_id"));
        Assert.Equal(0, await database.ScalarAsync<long>(
            $"""
            SELECT count(*)
            FROM message_deliveries d
            LEFT JOIN (
              SELECT DISTINCT ON (record_id) record_id, linked_user_id FROM user_link_audit
              WHERE source = 'repair' AND outcome IN ('linked', 'unlinked') ORDER BY record_id, id DESC
            ) AS a ON a.record_id = d.id
            WHERE NOT EXISTS (SELECT FROM own o WHERE o.id = d.id)
              AND d.user_id IS DISTINCT FROM CASE WHEN a.record_id IS NULL THEN '{Bob}'::uuid ELSE a.linked_user_id END
            """));
        Assert.Equal(0, await database.ScalarAsync<long>(
            $"""
            SELECT count(*) FROM user_link_audit
            WHERE source = 'repair' AND outcome IN ('linked', 'unlinked') AND previous_user_id IS DISTINCT FROM '{Bob}'::uuid
            """));
    }

    private static Task WaitForRepairAsync(LinkedDatabase database, Task repair) =>
        Poll.UntilAsync(async () =>
        {
            Assert.False(repair.IsCompleted, "The repair was to wait for the application.");
            return await database.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')");
        });

    private static async Task<List<RepairItem>> ListAsync(LinkScene scene)
    {
        List<RepairItem> found = [];
        await foreach (var link in new WrongUserLinks(scene.Database.Engine).FindAsync(Table, CancellationToken.None))
            found.Add(new(link.DeliveryId, new(link.UserId), new(link.GuestId), new(link.Phone)));
        return found;
    }

    private static Task<RunResult> RepairAsync(LinkageDatabase engine, IReadOnlyList<RepairItem> items, int batchSize) =>
        new UserLinkRepair(engine).RunAsync(
            Table, items, new RunOptions { BatchSize = batchSize, TargetWait = TimeSpan.FromMinutes(1) }, _ => { }, CancellationToken.None);
}
