using Linkage.Engine.UserLinks;
using Xunit.Abstractions;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class UnlinkedDeliveriesTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_delivery_comes_with_its_guest_the_users_and_the_reason()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync("+12135550000", Ann, removed: true, name: "Robert'); DROP TABLE users; --");
        var again = await scene.GuestAsync("(213) 555-0000", Bob, name: "Rob");
        var delivery = await scene.DeliveryAsync("2135550000", guest);

        var found = Assert.Single(await ListAsync(scene));

        Assert.Equal(
            ("message_deliveries", delivery, guest, "Robert'); DROP TABLE users; --", Ann, Event),
            (found.Table, found.DeliveryId, found.GuestId, found.GuestName, found.GuestUserId, found.EventId));
        Assert.Equal(
            ("2135550000", "+12135550000", again, Bob, "linked", "event phone", null),
            (found.Phone, found.NormalizedPhone, found.MatchedGuestId, found.UserId, found.Outcome, found.Rule, found.Reason));
    }

    [Fact]
    public async Task Deliveries_that_nothing_can_ever_link_are_listed_and_linked_ones_are_not()
    {
        await using var scene = await LinkScene.CreateAsync();
        var bare = await scene.DeliveryAsync(null, null);
        await scene.DeliveryAsync("2135550000", null, user: Ann);

        var found = Assert.Single(await ListAsync(scene));

        Assert.Equal((bare, "skipped", "no event"), (found.DeliveryId, found.Outcome, found.Reason));
        Assert.Empty(await ListAsync(scene, linkableOnly: true));
    }

    [Fact]
    public async Task A_suppressed_delivery_says_so_and_is_not_linkable()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);

        Assert.Equal("suppressed", Assert.Single(await ListAsync(scene)).Reason);
        Assert.Empty(await ListAsync(scene, linkableOnly: true));
    }

    [Fact]
    public async Task Over_many_key_sets_each_is_listed_once_as_the_rules_have_it_and_the_linkable_are_what_a_backfill_links()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        await using var scene = await LinkScene.CreateAsync();
        // Some 1,500 of these have no user: several key sets.
        await scene.Database.ExecuteAsync(
            $"""
            SET session_replication_role = replica;
            SELECT setseed({seed} / 2147483648.0);
            INSERT INTO event_guests (event_id, phone, user_id, removed_at, guest_name)
            SELECT '{Event}', '+1213555' || lpad((i % 700)::text, 4, '0') || repeat(' ', i / 700),
              CASE WHEN random() < 0.6 THEN '{Ann}'::uuid END, CASE WHEN random() < 0.2 THEN now() END, 'Guest ' || i
            FROM generate_series(1, 1000) i;
            INSERT INTO message_deliveries (phone_number, guest_id, user_id)
            SELECT CASE WHEN random() < 0.9 THEN g.phone END, CASE WHEN random() < 0.9 THEN g.id END, CASE WHEN random() < 0.2 THEN '{Bob}'::uuid END
            FROM event_guests g, generate_series(1, 2);
            RESET session_replication_role
            """);

        var all = await ListAsync(scene);
        var linkable = await ListAsync(scene, linkableOnly: true);

        Assert.Equal(
            await scene.Database.QueryAsync<string>("SELECT id::text FROM message_deliveries WHERE user_id IS NULL ORDER BY id"),
            all.Select(d => d.DeliveryId));
        Assert.Equal(all.Where(d => d.Outcome == "linked"), linkable);
        var rules = (await scene.Database.QueryAsync<(string, string, string?, string?)>(
            """
            SELECT i.delivery_id, i.outcome, i.reason, i.user_id
            FROM message_deliveries d CROSS JOIN LATERAL linkage.inspect_delivery('message_deliveries', d.id::text) i
            WHERE d.user_id IS NULL
            """)).ToDictionary(r => r.Item1);
        Assert.All(all, d => Assert.Equal(rules[d.DeliveryId], (d.DeliveryId, d.Outcome, d.Reason, d.UserId)));
        Assert.Equal(linkable.Count, (await scene.BackfillAsync()).Count("linked"));
        Assert.Empty(await ListAsync(scene, linkableOnly: true));
    }

    [Fact]
    public async Task What_arrives_behind_the_last_one_meanwhile_does_not_keep_the_listing_going()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (id) SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid FROM generate_series(1, 600) i");

        var count = 0;
        await foreach (var _ in new UnlinkedDeliveries(scene.Database.Engine).FindAsync("message_deliveries", false, CancellationToken.None))
        {
            if (count++ == 0)
                await scene.Database.ExecuteAsync("INSERT INTO message_deliveries (id) VALUES ('ffffffff-0000-0000-0000-000000000000')");
        }

        Assert.Equal(600, count);
    }

    [Fact]
    public async Task A_table_that_is_no_target_is_refused()
    {
        await using var scene = await LinkScene.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(() => ListAsync(scene, table: "users; DROP TABLE users"));

        Assert.Equal("Linkage.Target.NotFound", fault.ErrorId);
    }

    private static async Task<List<UnlinkedDelivery>> ListAsync(
        LinkScene scene, bool linkableOnly = false, string table = "message_deliveries")
    {
        List<UnlinkedDelivery> found = [];
        await foreach (var delivery in new UnlinkedDeliveries(scene.Database.Engine).FindAsync(table, linkableOnly, CancellationToken.None))
            found.Add(delivery);
        return found;
    }
}
