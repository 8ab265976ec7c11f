namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What follows a guest that gets a user.</summary>
public sealed class GuestTriggerTests
{
    [Fact]
    public async Task A_guest_that_gets_a_user_takes_its_unlinked_deliveries_along_and_each_is_audited()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var other = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), null));
        var bobs = await scene.DeliveryAsync(null, guest, LinkScene.Bob);
        string[] own = [await scene.DeliveryAsync(null, guest), await scene.DeliveryAsync("nonsense", guest), await scene.DeliveryAsync("2125550101", guest)];

        await LinkAsync(scene, guest, LinkScene.Ann);

        foreach (var delivery in own)
        {
            Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
            Assert.Equal([DeliveryAudit.ByGuestLink("linked", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, delivery));
        }

        Assert.Equal((null, LinkScene.Bob), (await scene.UserOfAsync(other), await scene.UserOfAsync(bobs)));
        Assert.Equal(own.Length, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit"));
    }

    [Fact]
    public async Task A_guest_that_moves_to_another_user_links_nothing_anew()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var linked = await scene.DeliveryAsync(null, guest, LinkScene.Ann);
        var unlinked = await scene.DeliveryAsync(null, guest);

        await LinkAsync(scene, guest, LinkScene.Bob);

        Assert.Equal((LinkScene.Ann, null), (await scene.UserOfAsync(linked), await scene.UserOfAsync(unlinked)));
    }

    [Fact]
    public async Task A_removed_guests_deliveries_are_examined_and_not_linked()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null, removed: true);
        var delivery = await scene.DeliveryAsync(null, guest);

        await LinkAsync(scene, guest, LinkScene.Ann);

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal([DeliveryAudit.ByGuestLink("no_match")], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task With_the_flag_off_nothing_is_linked_by_trigger_or_by_hand()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var delivery = await scene.DeliveryAsync(null, guest);
        await scene.Database.ExecuteAsync("SELECT linkage.set_feature_flag('LINK_USER_BY_PHONE', false)");

        await LinkAsync(scene, guest, LinkScene.Ann);
        var byHand = await scene.Database.ScalarAsync<int>(
            "SELECT backfill_guest_deliveries(@guest::uuid, @user::uuid)", new { guest, user = LinkScene.Ann });

        Assert.Equal(0, byHand);
        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal(["skipped", "skipped"], (await DeliveryAudit.OfAsync(scene.Database, delivery)).Select(audit => audit.Outcome));
    }

    [Fact]
    public async Task A_user_that_does_not_exist_is_linked_to_nothing()
    {
        const string Nobody = "a0000000-0000-0000-0000-00000000dead";
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            "ALTER TABLE event_guests DROP CONSTRAINT event_guests_user_id_fkey; ALTER TABLE message_deliveries DROP CONSTRAINT message_deliveries_user_id_fkey");
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var delivery = await scene.DeliveryAsync(null, guest);

        await LinkAsync(scene, guest, Nobody);

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal([DeliveryAudit.ByGuestLink("no_match")], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task Many_guests_linked_by_one_statement_take_all_their_deliveries_along()
    {
        const int Guests = 200;
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO event_guests (event_id, phone) SELECT @e::uuid, '+1213555' || to_char(i, 'FM0000') FROM generate_series(1, @Guests) AS i;
            INSERT INTO message_deliveries (guest_id) SELECT id FROM event_guests CROSS JOIN generate_series(1, 3);
            UPDATE event_guests SET user_id = @ann::uuid;
            """,
            new { e = LinkScene.Event, ann = LinkScene.Ann, Guests });

        Assert.Equal(
            (Guests * 3, Guests * 3),
            Assert.Single(await scene.Database.QueryAsync<(long, long)>(
                """
                SELECT
                  (SELECT count(*) FROM message_deliveries WHERE user_id = @ann::uuid),
                  (SELECT count(DISTINCT record_id) FROM user_link_audit WHERE source = 'guest link' AND outcome = 'linked')
                """,
                new { ann = LinkScene.Ann })));
    }

    private static Task<int> LinkAsync(LinkScene scene, string guest, string? user) =>
        Sessions.LinkGuestAsync(scene.Database.Connection, guest, user);
}
