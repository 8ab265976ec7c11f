using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class UserLinkRepairTests
{
    private const string Nobody = "a0000000-0000-0000-0000-00000000dead";

    [Fact]
    public async Task A_record_without_a_user_is_linked_as_a_backfill_would()
    {
        await using var scene = await LinkScene.CreateAsync();
        var one = await scene.LinkableAsync();
        var other = await scene.LinkableAsync();
        var phone = scene.NewPhone();
        var ambiguous = await scene.AmbiguousAsync(phone);
        var unmatched = await scene.DeliveryAsync(scene.NewPhone(), await scene.GuestAsync(scene.NewPhone(), null));
        var bare = await scene.DeliveryAsync(null, null);

        var result = await RepairAsync(scene, [one, ambiguous, unmatched, bare]);

        Assert.Equal((4, 1, 1, 1, 1), (
            result.Count("processed"), result.Count("linked"), result.Count("ambiguous"), result.Count("no_match"), result.Count("skipped")));
        Assert.Equal((Ann, null), (await scene.UserOfAsync(one), await scene.UserOfAsync(other)));
        Assert.Equal(
            [("ambiguous", null), ("linked", null), ("no_match", null), ("skipped", "no event")],
            (await scene.AuditAsync()).Select(a => (a.Outcome, a.Reason)).Order());
    }

    [Fact]
    public async Task A_wrong_link_goes_to_the_user_that_the_rule_gives_and_the_audit_tells_whose_it_was()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        var delivery = await scene.DeliveryAsync(null, guest, user: Bob);

        var result = await RepairAsync(scene, [delivery]);

        Assert.Equal((1, 1, 0), (result.Count("processed"), result.Count("relinked"), result.Count("linked")));
        Assert.Equal(Ann, await scene.UserOfAsync(delivery));
        var entry = Assert.Single(await scene.AuditAsync());
        Assert.Equal(
            (result.RunId, delivery, "linked", "guest", "repair", Bob, Ann, guest),
            (entry.RunId, entry.RecordId, entry.Outcome, entry.Rule, entry.Source, entry.PreviousUserId, entry.UserId, entry.GuestId));
        Assert.Equal("""{"wrong": "its guest has another user"}""", entry.Metadata);
    }

    [Fact]
    public async Task A_wrong_link_goes_altogether_where_the_rule_gives_nobody_and_nothing_is_suppressed()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var delivery = await scene.DeliveryAsync(null, guest, user: Nobody);

        var result = await RepairAsync(scene, [delivery]);

        Assert.Equal((1, null), (result.Count("unlinked"), await scene.UserOfAsync(delivery)));
        var entry = Assert.Single(await scene.AuditAsync());
        Assert.Equal(("unlinked", Nobody, null, "no usable phone"), (entry.Outcome, entry.PreviousUserId, entry.UserId, entry.Reason));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.link_suppression"));
        await Sessions.LinkGuestAsync(scene.Database.Connection, guest, Ann);
        Assert.Equal(Ann, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task A_link_that_is_right_is_left_as_it_is()
    {
        await using var scene = await LinkScene.CreateAsync();
        var byGuest = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Ann);
        // nothing speaks for or against it: no rule gives this user, and none gives another
        var byApplication = await scene.DeliveryAsync(scene.NewPhone(), await scene.GuestAsync(scene.NewPhone(), null), user: Bob);

        var result = await RepairAsync(scene, [byGuest, byApplication]);

        Assert.Equal((2, 2), (result.Count("processed"), result.Count("unchanged")));
        Assert.Equal((Ann, Bob), (await scene.UserOfAsync(byGuest), await scene.UserOfAsync(byApplication)));
        Assert.All(await scene.AuditAsync(), entry => Assert.Equal("unchanged", entry.Outcome));
    }

    [Theory]
    [InlineData("user_id = NULL")]
    [InlineData("user_id = 'a0000000-0000-0000-0000-000000000001'")]
    [InlineData("phone_number = '+12135559999'")]
    [InlineData("guest_id = NULL")]
    public async Task A_record_that_is_not_what_it_was_when_it_was_listed_is_left_alone(string change)
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.DeliveryAsync(scene.NewPhone(), await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        var listed = await ListAsync(scene);
        await scene.Database.ExecuteAsync(
            $"SET session_replication_role = replica; UPDATE message_deliveries SET {change}; RESET session_replication_role");
        var before = await scene.UserOfAsync(delivery);

        var result = await RepairAsync(scene, listed);

        Assert.Equal((1, 1), (result.Count("processed"), result.Count("skipped")));
        Assert.Equal(before, await scene.UserOfAsync(delivery));
        Assert.Equal("changed meanwhile", Assert.Single(await scene.AuditAsync()).Reason);
    }

    [Fact]
    public async Task A_record_that_is_gone_is_skipped()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        var listed = await ListAsync(scene);
        await scene.Database.ExecuteAsync("DELETE FROM message_deliveries");

        var result = await RepairAsync(scene, listed);

        Assert.Equal((1, "the record is gone"), (result.Count("skipped"), (await scene.AuditAsync()).Single(a => a.RecordId == delivery).Reason));
    }

    [Fact]
    public async Task The_right_user_is_the_one_at_the_time_of_the_repair()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        var delivery = await scene.DeliveryAsync(null, guest, user: Bob);
        var listed = await ListAsync(scene);
        var carl = await scene.Database.ScalarAsync<string>("INSERT INTO users DEFAULT VALUES RETURNING id::text");
        await Sessions.LinkGuestAsync(scene.Database.Connection, guest, carl);

        Assert.Equal(1, (await RepairAsync(scene, listed)).Count("relinked"));

        Assert.Equal(carl, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task A_link_that_has_become_right_since_it_was_listed_is_unchanged()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        await scene.DeliveryAsync(null, guest, user: Bob);
        var listed = await ListAsync(scene);
        await Sessions.LinkGuestAsync(scene.Database.Connection, guest, Bob);

        Assert.Equal(1, (await RepairAsync(scene, listed)).Count("unchanged"));
    }

    [Fact]
    public async Task What_an_undo_keeps_unlinked_and_what_the_flag_stops_is_skipped()
    {
        await using var scene = await LinkScene.CreateAsync();
        var suppressed = await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);

        var kept = await RepairAsync(scene, [suppressed]);
        await new FeatureFlags(scene.Database.Engine).SetAsync(FeatureFlags.LinkUserByPhone, false, CancellationToken.None);
        var wrong = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        var stopped = await RepairAsync(scene, [suppressed, wrong]);

        Assert.Equal((1, 1), (kept.Count("skipped"), kept.Count("suppressed")));
        Assert.Equal((2, 2, 0), (stopped.Count("processed"), stopped.Count("skipped"), stopped.Count("suppressed")));
        Assert.Equal((null, Bob), (await scene.UserOfAsync(suppressed), await scene.UserOfAsync(wrong)));
    }

    [Fact]
    public async Task The_wrong_links_that_are_listed_are_none_any_more_after_their_repair()
    {
        await using var scene = await LinkScene.CreateAsync();
        await FillAsync(scene);
        var listed = await ListAsync(scene);
        Assert.Equal(5, listed.Count);

        var result = await RepairAsync(scene, listed);

        Assert.Equal((3, 2), (result.Count("relinked"), result.Count("unlinked")));
        Assert.Empty(await ListAsync(scene));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.user_link_repair_item"));
    }

    [Fact]
    public async Task The_linkable_that_are_listed_are_linked_and_no_others()
    {
        await using var scene = await LinkScene.CreateAsync();
        List<string> linkable = [];
        for (var i = 0; i < 5; i++)
            linkable.Add(await scene.LinkableAsync());
        var wrong = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        List<RepairItem> listed = [];
        await foreach (var found in new UnlinkedDeliveries(scene.Database.Engine).FindAsync("message_deliveries", true, CancellationToken.None))
            listed.Add(new(found.DeliveryId, new(null), new(found.GuestId), new(found.Phone)));

        var result = await RepairAsync(scene, [.. listed.Take(3)]);

        Assert.Equal((3, 3), (result.Count("processed"), result.Count("linked")));
        Assert.Equal(2, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NULL"));
        Assert.Equal(Bob, await scene.UserOfAsync(wrong));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_undo_gives_every_record_exactly_what_it_had_and_the_undo_of_that_what_the_repair_gave(bool byTime)
    {
        await using var scene = await LinkScene.CreateAsync();
        await FillAsync(scene);
        await scene.LinkableAsync();
        var all = await scene.Database.QueryAsync<string>("SELECT id::text FROM message_deliveries");
        var before = await UsersAsync(scene);
        var since = await scene.Database.ScalarAsync<DateTime>("SELECT clock_timestamp()");
        var repair = await RepairAsync(scene, all);
        var repaired = await UsersAsync(scene);

        var undo = byTime
            ? await new UserLinkUndo(scene.Database.Engine).RunSinceAsync(
                since, "message_deliveries", false, new RunOptions(), _ => { }, CancellationToken.None)
            : await scene.UndoAsync(repair.RunId!.Value);
        var undone = await UsersAsync(scene);
        var status = (await new RunLog(scene.Database.Engine).GetAsync(repair.RunId!.Value, CancellationToken.None)).Status;
        await scene.UndoAsync(undo.RunId!.Value);

        Assert.Equal((6, 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Equal("undone", status);
        Assert.Equal(before, undone);
        Assert.NotEqual(before, repaired);
        Assert.Equal(repaired, await UsersAsync(scene));
    }

    [Fact]
    public async Task An_undo_by_time_tells_of_a_repair_that_only_corrected_that_it_is_undone()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        var since = await scene.Database.ScalarAsync<DateTime>("SELECT clock_timestamp()");
        var repair = await RepairAsync(scene, [delivery]);

        await new UserLinkUndo(scene.Database.Engine).RunSinceAsync(
            since, "message_deliveries", false, new RunOptions(), _ => { }, CancellationToken.None);

        Assert.Equal(Bob, await scene.UserOfAsync(delivery));
        Assert.Equal("undone", (await new RunLog(scene.Database.Engine).GetAsync(repair.RunId!.Value, CancellationToken.None)).Status);
    }

    [Fact]
    public async Task What_somebody_changed_after_the_repair_is_a_conflict_of_its_undo()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        var repair = await RepairAsync(scene, [delivery]);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = NULL");

        var undo = await scene.UndoAsync(repair.RunId!.Value);

        Assert.Equal((0, 1), (undo.Count("rolled_back"), undo.Count("conflicts")));
    }

    [Fact]
    public async Task A_preview_writes_nothing_and_a_dry_run_only_its_record_and_both_count_what_is_then_done()
    {
        await using var scene = await LinkScene.CreateAsync();
        await FillAsync(scene);
        await scene.LinkableAsync();
        var all = await scene.Database.QueryAsync<string>("SELECT id::text FROM message_deliveries");
        var before = await UsersAsync(scene);

        var preview = await RepairAsync(scene, all, new() { Mode = RunMode.Preview });
        Assert.Empty(await scene.AuditAsync(new() { WithDryRuns = true }));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run"));
        var dry = await RepairAsync(scene, all, new() { Mode = RunMode.DryRun });
        Assert.All(await scene.AuditAsync(new() { WithDryRuns = true }), entry => Assert.True(entry.IsDryRun));
        Assert.Equal(before, await UsersAsync(scene));
        var done = await RepairAsync(scene, all);

        Assert.Null(preview.RunId);
        foreach (var name in (string[])["processed", "linked", "relinked", "unlinked", "unchanged", "skipped"])
        {
            Assert.Equal((name, done.Count(name)), (name, preview.Count(name)));
            Assert.Equal((name, done.Count(name)), (name, dry.Count(name)));
        }

        Assert.Equal((1, 3, 2), (done.Count("linked"), done.Count("relinked"), done.Count("unlinked")));
    }

    [Fact]
    public async Task A_record_that_is_listed_twice_is_repaired_once_and_the_first_counts()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();

        RepairItem[] twice = [new(delivery.ToUpperInvariant()), new(delivery, new(Bob))];
        var result = await RepairAsync(scene, twice);

        Assert.Equal((1, 1), (result.Count("processed"), result.Count("linked")));
    }

    [Fact]
    public async Task What_is_no_key_or_no_id_is_named()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        RepairItem[] items =
            [new(delivery), new("'; DROP TABLE users; --"), new(delivery, new("me")), new(delivery, null, new("them")), new(delivery, new(""), new(""), new(""))];

        var unusable = await new UserLinkRepair(scene.Database.Engine).FindUnusableAsync("message_deliveries", items, CancellationToken.None);

        Assert.Equal(items[1..4], unusable.Select(u => u.Item));
    }

    [Fact]
    public async Task A_row_that_cannot_be_changed_is_told_and_the_others_are_repaired()
    {
        await using var scene = await LinkScene.CreateAsync();
        await FillAsync(scene);
        var listed = await ListAsync(scene);
        await scene.Database.ExecuteAsync(
            $"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON message_deliveries FOR EACH ROW WHEN (OLD.id = '{listed[1].DeliveryId}')
            EXECUTE FUNCTION refuse()
            """);

        var result = await RepairAsync(scene, listed);

        Assert.Equal((1, 4), (result.Count("failed"), result.Count("relinked") + result.Count("unlinked")));
        Assert.Equal(
            "error P0001: not this one", (await scene.AuditAsync(new() { RecordId = listed[1].DeliveryId })).Single().Reason);
    }

    /// <summary>Five wrong links, three of which the rule gives another user, and two nobody; and two right ones.</summary>
    private static async Task FillAsync(LinkScene scene)
    {
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Bob), user: Ann);
        var phone = scene.NewPhone();
        await scene.GuestAsync(phone, Ann);
        await scene.DeliveryAsync(phone, await scene.GuestAsync(scene.NewPhone(), null), user: Bob);
        var elsewhere = scene.NewPhone();
        await scene.GuestAsync(elsewhere, await scene.Database.ScalarAsync<string>("INSERT INTO users DEFAULT VALUES RETURNING id::text"), eventId: OtherEvent);
        var stranger = await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM event_guests WHERE phone = @elsewhere", new { elsewhere });
        await scene.DeliveryAsync(elsewhere, await scene.GuestAsync(elsewhere, null), user: stranger);
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), null), user: stranger);
        await scene.Database.ExecuteAsync(
            "UPDATE message_deliveries SET phone_number = @elsewhere WHERE phone_number IS NULL AND user_id = @stranger::uuid", new { elsewhere, stranger });
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Ann);
        await scene.DeliveryAsync(scene.NewPhone(), null, user: Bob);
    }

    private static async Task<List<RepairItem>> ListAsync(LinkScene scene)
    {
        List<RepairItem> found = [];
        await foreach (var link in new WrongUserLinks(scene.Database.Engine).FindAsync("message_deliveries", CancellationToken.None))
            found.Add(new(link.DeliveryId, new(link.UserId), new(link.GuestId), new(link.Phone)));
        return found;
    }

    private static Task<RunResult> RepairAsync(LinkScene scene, IEnumerable<string> deliveries, RunOptions? options = null) =>
        RepairAsync(scene, [.. deliveries.Select(delivery => new RepairItem(delivery))], options);

    private static Task<RunResult> RepairAsync(LinkScene scene, IReadOnlyList<RepairItem> items, RunOptions? options = null) =>
        new UserLinkRepair(scene.Database.Engine).RunAsync(
            "message_deliveries", items, options ?? new RunOptions(), _ => { }, CancellationToken.None);

    private static Task<IReadOnlyList<string>> UsersAsync(LinkScene scene) =>
        scene.Database.QueryAsync<string>("SELECT id || ' ' || COALESCE(user_id::text, '-') FROM message_deliveries ORDER BY id");
}
