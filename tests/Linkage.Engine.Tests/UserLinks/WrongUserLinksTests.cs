using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class WrongUserLinksTests
{
    private const string NotTheGuests = "its guest has another user";
    private const string GuestMoved = "its guest moved to another user";
    private const string OtherEventsGuest = "the link came from a guest of another event";
    private const string OthersPhone = "the phone belongs to someone else at this event";
    private const string NoSuchUser = "the user does not exist";
    private const string Nobody = "a0000000-0000-0000-0000-00000000dead";

    [Fact]
    public async Task A_link_comes_with_its_guest_the_users_and_the_evidence_of_the_audit()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync("+12135550000", Ann, name: "Robert'); DROP TABLE users; --");
        var delivery = await scene.DeliveryAsync("2135550000", guest);
        var run = (await scene.BackfillAsync()).RunId;
        await MoveGuestAsync(scene, guest, Bob);

        var found = Assert.Single(await ListAsync(scene));

        Assert.Equal(
            ("message_deliveries", delivery, guest, "Robert'); DROP TABLE users; --", Bob, Event),
            (found.Table, found.DeliveryId, found.GuestId, found.GuestName, found.GuestUserId, found.EventId));
        Assert.Equal(
            ("2135550000", "+12135550000", Ann, Bob, "guest", "backfill", run),
            (found.Phone, found.NormalizedPhone, found.UserId, found.ExpectedUserId, found.Rule, found.Source, found.RunId));
        Assert.Equal([GuestMoved], found.Reasons);
        Assert.Equal(
            await scene.Database.ScalarAsync<DateTime>("SELECT created_at FROM user_link_audit WHERE outcome = 'linked'"),
            found.LinkedAt);
    }

    [Fact]
    public async Task A_link_that_the_application_made_is_judged_without_an_audit()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);

        var found = Assert.Single(await ListAsync(scene));

        Assert.Equal([NotTheGuests], found.Reasons);
        Assert.Equal((null, null, null, null), (found.Rule, found.LinkedAt, found.RunId, found.Source));
    }

    [Fact]
    public async Task The_trigger_leaves_the_deliveries_of_a_guest_who_moves_to_another_user_and_the_report_names_them()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var before = await scene.DeliveryAsync(null, guest);
        await MoveGuestAsync(scene, guest, Ann);
        var byTrigger = await Sessions.InsertDeliveryAsync(scene.Database.Connection, guest);

        await MoveGuestAsync(scene, guest, Bob);

        Assert.Equal((Ann, Ann), (await scene.UserOfAsync(before), await scene.UserOfAsync(byTrigger)));
        var found = await ListAsync(scene);
        Assert.Equal(new[] { before, byTrigger }.Order(), found.Select(link => link.DeliveryId));
        Assert.All(found, link => Assert.Equal((GuestMoved, Bob), (Assert.Single(link.Reasons), link.ExpectedUserId)));
        Assert.Equal(["guest link", "trigger"], found.Select(link => link.Source).Order());
    }

    [Fact]
    public async Task A_link_that_was_made_at_another_event_is_told_by_the_guest_whom_it_came_from()
    {
        await using var scene = await LinkScene.CreateAsync();
        var phone = scene.NewPhone();
        var delivery = await scene.DeliveryAsync(phone, await scene.GuestAsync(phone, Ann, eventId: OtherEvent));
        await scene.BackfillAsync();
        var here = await scene.GuestAsync(phone, null);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET guest_id = @here::uuid", new { here });

        var found = Assert.Single(await ListAsync(scene));

        Assert.Equal((delivery, null), (found.DeliveryId, found.ExpectedUserId));
        Assert.Equal([OtherEventsGuest], found.Reasons);
    }

    [Theory]
    [InlineData(false, false, true)]
    // another guest of this event, also a removed one, explains the link
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    public async Task Without_an_audit_a_link_came_from_elsewhere_if_only_a_guest_of_another_event_leads_there(
        bool isKnownHere, bool isRemoved, bool isWrong)
    {
        await using var scene = await LinkScene.CreateAsync();
        var phone = scene.NewPhone();
        await scene.GuestAsync(phone, Ann, eventId: OtherEvent);
        if (isKnownHere)
            await scene.GuestAsync(scene.NewPhone(), Ann, removed: isRemoved);
        await scene.DeliveryAsync(phone, await scene.GuestAsync(phone, null), user: Ann);

        var found = await ListAsync(scene);

        Assert.Equal(isWrong ? [OtherEventsGuest] : [], found.SelectMany(link => link.Reasons));
    }

    [Fact]
    public async Task A_user_whom_no_guest_anywhere_leads_to_is_the_applications_own_knowledge()
    {
        await using var scene = await LinkScene.CreateAsync();
        var phone = scene.NewPhone();
        await scene.DeliveryAsync(phone, await scene.GuestAsync(phone, null), user: Ann);
        await scene.DeliveryAsync(phone, null, user: Ann);

        Assert.Empty(await ListAsync(scene));
    }

    [Fact]
    public async Task A_phone_that_someone_else_has_at_the_event_now_speaks_against_a_link_by_phone()
    {
        await using var scene = await LinkScene.CreateAsync();
        var phone = scene.NewPhone();
        var first = await scene.GuestAsync(phone, Ann);
        var own = await scene.GuestAsync(scene.NewPhone(), null);
        await scene.DeliveryAsync(phone, own);
        await scene.BackfillAsync();
        await scene.Database.ExecuteAsync("UPDATE event_guests SET removed_at = now() WHERE id = @first::uuid", new { first });
        Assert.Empty(await ListAsync(scene));

        await scene.GuestAsync(phone, Bob);

        var found = Assert.Single(await ListAsync(scene));
        Assert.Equal(("event phone", Bob), (found.Rule, found.ExpectedUserId));
        Assert.Equal([OthersPhone], found.Reasons);
    }

    [Fact]
    public async Task A_link_by_the_guest_stands_when_the_guest_is_removed_or_loses_the_user_and_someone_else_gets_the_phone()
    {
        await using var scene = await LinkScene.CreateAsync();
        foreach (var change in (string[])["removed_at = now()", "removed_at = now(), user_id = NULL", "phone = NULL, user_id = NULL"])
        {
            var phone = scene.NewPhone();
            var guest = await scene.GuestAsync(phone, Ann);
            await scene.DeliveryAsync(phone, guest);
            await scene.BackfillAsync();
            await scene.Database.ExecuteAsync($"UPDATE event_guests SET {change} WHERE id = @guest::uuid", new { guest });
            await scene.GuestAsync(phone, Bob);
        }

        // one that the application made by its own guest
        var another = scene.NewPhone();
        await scene.DeliveryAsync(another, await scene.GuestAsync(another, Ann, removed: true), user: Ann);
        await scene.GuestAsync(another, Bob);

        Assert.Empty(await ListAsync(scene));
    }

    [Fact]
    public async Task A_user_who_does_not_exist_is_wrong_wherever_the_link_came_from()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.DeliveryAsync(null, null, user: Nobody);
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Nobody), user: Nobody);
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Nobody);

        var found = await ListAsync(scene);

        Assert.Equal(3, found.Count);
        Assert.All(found, link => Assert.Contains(NoSuchUser, link.Reasons));
        Assert.Equal([NoSuchUser, NotTheGuests], Assert.Single(found, link => link.ExpectedUserId is not null).Reasons);
    }

    [Fact]
    public async Task A_guests_user_who_does_not_exist_is_no_evidence()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Nobody), user: Ann);

        Assert.Empty(await ListAsync(scene));
    }

    [Fact]
    public async Task Every_reason_is_named()
    {
        await using var scene = await LinkScene.CreateAsync();
        var phone = scene.NewPhone();
        await scene.GuestAsync(phone, Ann, eventId: OtherEvent);
        await scene.DeliveryAsync(phone, await scene.GuestAsync(phone, Bob), user: Ann);

        Assert.Equal([NotTheGuests, OtherEventsGuest, OthersPhone], Assert.Single(await ListAsync(scene)).Reasons);
    }

    [Fact]
    public async Task What_an_undo_has_parted_is_not_expected_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = @Bob::uuid WHERE id = @delivery::uuid", new { Bob, delivery });

        Assert.Empty(await ListAsync(scene));
        await scene.Database.ExecuteAsync("DELETE FROM linkage.link_suppression");
        Assert.Equal([NotTheGuests, OthersPhone], Assert.Single(await ListAsync(scene)).Reasons);
    }

    [Fact]
    public async Task A_link_that_the_application_has_written_since_is_not_the_audits_any_more()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        var delivery = await scene.DeliveryAsync(null, guest);
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value, allowRelink: true);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = @Ann::uuid WHERE id = @delivery::uuid", new { Ann, delivery });
        await MoveGuestAsync(scene, guest, Bob);

        var found = Assert.Single(await ListAsync(scene));

        Assert.Equal((null, NotTheGuests), (found.Source, Assert.Single(found.Reasons)));
    }

    [Fact]
    public async Task The_flag_that_stops_linking_hides_no_wrong_link()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        var right = await scene.GuestAsync(scene.NewPhone(), Ann);
        await scene.DeliveryAsync(null, right, user: Ann);
        await new FeatureFlags(scene.Database.Engine).SetAsync(FeatureFlags.LinkUserByPhone, false, CancellationToken.None);

        Assert.Equal(Ann, Assert.Single(await ListAsync(scene)).ExpectedUserId);
    }

    [Fact]
    public async Task Right_links_are_not_listed_whoever_made_them()
    {
        await using var scene = await LinkScene.CreateAsync();
        for (var i = 0; i < 5; i++)
            await scene.LinkableAsync();
        var phone = scene.NewPhone();
        await scene.GuestAsync(phone, Bob);
        await scene.DeliveryAsync(phone, await scene.GuestAsync(scene.NewPhone(), null));
        await scene.BackfillAsync();

        Assert.Empty(await ListAsync(scene));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NULL"));
    }

    [Fact]
    public async Task A_listing_writes_nothing_and_ends_while_links_go_on_to_be_made()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO message_deliveries (id, guest_id, user_id)
            SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, @guest::uuid, @Bob::uuid FROM generate_series(1, 600) i
            """,
            new { guest, Bob });

        var count = 0;
        await foreach (var _ in new WrongUserLinks(scene.Database.Engine).FindAsync("message_deliveries", CancellationToken.None))
        {
            if (count++ == 0)
            {
                await scene.Database.ExecuteAsync(
                    "INSERT INTO message_deliveries (id, guest_id, user_id) VALUES ('ffffffff-0000-0000-0000-000000000000', @guest::uuid, @Bob::uuid)",
                    new { guest, Bob });
            }
        }

        Assert.Equal(600, count);
    }

    [Fact]
    public async Task A_table_that_is_no_target_is_refused()
    {
        await using var scene = await LinkScene.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(() => ListAsync(scene, "users; DROP TABLE users"));

        Assert.Equal("Linkage.Target.NotFound", fault.ErrorId);
    }

    private static Task<int> MoveGuestAsync(LinkScene scene, string guest, string user) =>
        Sessions.LinkGuestAsync(scene.Database.Connection, guest, user);

    private static async Task<List<WrongUserLink>> ListAsync(LinkScene scene, string table = "message_deliveries")
    {
        List<WrongUserLink> found = [];
        await foreach (var link in new WrongUserLinks(scene.Database.Engine).FindAsync(table, CancellationToken.None))
            found.Add(link);
        Assert.Equal(found.Count, await scene.Database.ScalarAsync<long>("SELECT linkage.count_wrong_links(@table)", new { table }));
        return found;
    }
}
