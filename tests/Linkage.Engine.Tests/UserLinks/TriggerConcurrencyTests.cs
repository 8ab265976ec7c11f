using System.Data;
using Dapper;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>Two transactions at once, in a fixed order: each step waits until the other session is where it belongs.</summary>
public sealed class TriggerConcurrencyTests
{
    [Fact]
    public async Task A_delivery_that_comes_while_its_guest_is_being_linked_waits_and_is_linked()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await using var linker = await scene.Database.OpenAsync();
        await using var inserter = await scene.Database.OpenAsync();

        await using var linking = await linker.BeginTransactionAsync();
        await Sessions.LinkGuestAsync(linker, guest, LinkScene.Ann);
        var insert = Sessions.InsertDeliveryAsync(inserter, guest);
        await Sessions.WaitForLockAsync(scene.Database, inserter, insert);
        await linking.CommitAsync();
        var delivery = await insert;

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal([DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task A_guest_that_is_linked_while_its_delivery_comes_waits_and_links_it()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await using var linker = await scene.Database.OpenAsync();
        await using var inserter = await scene.Database.OpenAsync();

        await using var inserting = await inserter.BeginTransactionAsync();
        var delivery = await Sessions.InsertDeliveryAsync(inserter, guest);
        var link = Sessions.LinkGuestAsync(linker, guest, LinkScene.Ann);
        await Sessions.WaitForLockAsync(scene.Database, linker, link);
        await inserting.CommitAsync();
        await link;

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(
            [DeliveryAudit.ByTrigger("skipped", null), DeliveryAudit.ByGuestLink("linked", LinkScene.Ann)],
            await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task A_guest_link_that_is_rolled_back_leaves_the_waiting_delivery_unlinked()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await using var linker = await scene.Database.OpenAsync();
        await using var inserter = await scene.Database.OpenAsync();

        await using var linking = await linker.BeginTransactionAsync();
        await Sessions.LinkGuestAsync(linker, guest, LinkScene.Ann);
        var insert = Sessions.InsertDeliveryAsync(inserter, guest);
        await Sessions.WaitForLockAsync(scene.Database, inserter, insert);
        await linking.RollbackAsync();

        Assert.Null(await scene.UserOfAsync(await insert));
    }

    [Fact]
    public async Task Deliveries_of_one_guest_do_not_wait_for_each_other()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await using var first = await scene.Database.OpenAsync();
        await using var second = await scene.Database.OpenAsync();

        await using var transaction = await first.BeginTransactionAsync();
        await Sessions.InsertDeliveryAsync(first, guest);
        await second.ExecuteAsync("SET lock_timeout = '5s'");
        var delivery = await Sessions.InsertDeliveryAsync(second, guest);

        Assert.Equal([DeliveryAudit.ByTrigger("skipped", null)], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    // Its snapshot is older than the link, so it can't see it: it must neither fail nor pass in silence.
    [Theory]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task A_transaction_with_an_older_snapshot_writes_its_delivery_unlinked_and_the_backfill_links_it(IsolationLevel isolation)
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await using var inserter = await scene.Database.OpenAsync();

        await using var inserting = await inserter.BeginTransactionAsync(isolation);
        await inserter.ExecuteScalarAsync<long>("SELECT count(*) FROM users");
        await Sessions.LinkGuestAsync(scene.Database.Connection, guest, LinkScene.Ann);
        var delivery = await Sessions.InsertDeliveryAsync(inserter, guest);
        await inserting.CommitAsync();

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal([DeliveryAudit.ByTrigger("skipped", null)], await DeliveryAudit.OfAsync(scene.Database, delivery));
        Assert.Equal(1, (await scene.BackfillAsync()).Count("linked"));
        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_delivery_whose_user_is_being_deleted_is_written_with_the_user_or_without(bool isDeleted)
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await using var deleter = await scene.Database.OpenAsync();
        await using var inserter = await scene.Database.OpenAsync();

        await using var deleting = await deleter.BeginTransactionAsync();
        await deleter.ExecuteAsync("DELETE FROM users WHERE id = @ann::uuid", new { ann = LinkScene.Ann });
        var insert = Sessions.InsertDeliveryAsync(inserter, guest);
        await Sessions.WaitForLockAsync(scene.Database, inserter, insert);
        await (isDeleted ? deleting.CommitAsync() : deleting.RollbackAsync());
        var delivery = await insert;

        Assert.Equal(isDeleted ? null : LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(
            isDeleted ? DeliveryAudit.ByTrigger("no_match", "guest") : DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann),
            Assert.Single(await DeliveryAudit.OfAsync(scene.Database, delivery)));
    }

    [Fact]
    public async Task A_backfill_goes_on_when_a_user_is_deleted_under_it()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var other = await scene.LinkableAsync(LinkScene.Bob);
        await using var deleter = await scene.Database.OpenAsync();

        await using var deleting = await deleter.BeginTransactionAsync();
        await deleter.ExecuteAsync("DELETE FROM users WHERE id = @ann::uuid", new { ann = LinkScene.Ann });
        var backfill = scene.BackfillAsync();
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')
            """));
        await deleting.CommitAsync();
        var result = await backfill;

        Assert.Equal("completed", result.Status);
        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(other));
    }

    [Fact]
    public async Task A_backfill_does_not_link_what_changed_while_it_waited()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var bobs = await scene.GuestAsync(scene.NewPhone(), LinkScene.Bob);
        await using var writer = await scene.Database.OpenAsync();

        await using var writing = await writer.BeginTransactionAsync();
        await writer.ExecuteAsync(
            "UPDATE message_deliveries SET user_id = @bob::uuid, guest_id = @bobs::uuid", new { bob = LinkScene.Bob, bobs });
        var backfill = scene.BackfillAsync();
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')
            """));
        await writing.CommitAsync();
        await backfill;

        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(delivery));
        Assert.DoesNotContain(await DeliveryAudit.OfAsync(scene.Database, delivery), audit => audit.Outcome == "linked");
    }
}
