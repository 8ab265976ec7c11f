using Dapper;
using Linkage.Engine.Tests.Runs;
using Npgsql;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary><c>backfill_user_links</c> and <c>rollback_user_links</c>, as psql users call them.</summary>
public sealed class BackfillFunctionTests
{
    [Fact]
    public async Task Each_call_takes_exactly_batch_size_candidates_while_that_many_remain_and_a_short_one_ends_the_pass()
    {
        await using var scene = await RunScene.CreateAsync(250);

        var sizes = await BatchesAsync(scene, 4);

        // The fourth starts over: what can't match is examined again.
        Assert.Equal([100, 100, 50], sizes[..3]);
        Assert.Equal(Math.Min(100, await scene.CandidatesAsync()), sizes[3]);
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_pass_that_ends_with_a_full_batch_is_followed_by_an_empty_one_and_then_starts_over()
    {
        await using var scene = await RunScene.CreateAsync(200);
        await scene.Database.ExecuteAsync("UPDATE event_guests SET removed_at = now(), phone = NULL");

        Assert.Equal([100, 100, 0, 100], await BatchesAsync(scene, 4));
    }

    [Fact]
    public async Task Rows_that_never_match_do_not_keep_later_ones_from_being_reached()
    {
        await using var scene = await RunScene.CreateAsync(300);
        await scene.Database.ExecuteAsync(
            """
            SET session_replication_role = replica;
            UPDATE message_deliveries SET guest_id = NULL, phone_number = 'nobody' WHERE id < '80000000-0000-0000-0000-000000000000';
            RESET session_replication_role;
            """);

        while (await BatchAsync(scene, 40) == 40)
        {
        }

        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_dry_run_moves_no_cursor_changes_nothing_and_is_audited_as_dry()
    {
        await using var scene = await RunScene.CreateAsync(250);
        await BatchAsync(scene, 100);
        var before = await scene.FingerprintAsync();

        Assert.Equal([100, 100], await BatchesAsync(scene, 2, dryRun: true));

        Assert.Equal(before, await scene.FingerprintAsync());
        Assert.Equal(100, await scene.Database.ScalarAsync<long>("SELECT count(DISTINCT record_id) FROM user_link_audit WHERE dry_run"));
        Assert.Equal([100, 50], await BatchesAsync(scene, 2));
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task Callers_at_once_take_turns_and_together_reach_every_row()
    {
        await using var scene = await RunScene.CreateAsync(600);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ =>
        {
            await using var connection = await scene.Database.OpenAsync();
            for (var i = 0; i < 4; i++)
                await connection.ExecuteAsync("SELECT backfill_user_links('message_deliveries', 50, false)");
        }));

        Assert.Equal(600, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit"));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Theory]
    [InlineData("backfill_user_links('message_deliveries', 0, false)", "22023")]
    [InlineData("backfill_user_links('message_deliveries', -5)", "22023")]
    [InlineData("backfill_user_links('message_deliveries', NULL)", "22023")]
    [InlineData("backfill_user_links('users', 10)", "LK006")]
    [InlineData("backfill_user_links('no such; DROP TABLE users', 10)", "LK006")]
    [InlineData("backfill_user_links(NULL)", "LK006")]
    [InlineData("rollback_user_links(NULL, 'message_deliveries')", "22004")]
    [InlineData("rollback_user_links(now(), 'elsewhere')", "LK006")]
    public async Task Bad_arguments_are_refused(string call, string state)
    {
        await using var scene = await LinkScene.CreateAsync();

        var error = await Assert.ThrowsAsync<PostgresException>(() => scene.Database.ExecuteAsync($"SELECT {call}"));

        Assert.Equal(state, error.SqlState);
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run"));
    }

    [Fact]
    public async Task A_rollback_by_time_reaches_triggers_guest_links_and_batches_and_leaves_what_changed_since()
    {
        await using var scene = await LinkScene.CreateAsync();
        var kept = await scene.LinkableAsync();
        await scene.BackfillAsync();
        var since = await scene.Database.ScalarAsync<DateTime>("SELECT clock_timestamp()");
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var byGuest = await scene.DeliveryAsync(null, guest);
        await Sessions.LinkGuestAsync(scene.Database.Connection, guest, LinkScene.Ann);
        var byTrigger = await Sessions.InsertDeliveryAsync(scene.Database.Connection, guest);
        var byBatch = await scene.LinkableAsync();
        var taken = await scene.LinkableAsync();
        await scene.BackfillAsync();
        await scene.Database.ExecuteAsync(
            "UPDATE message_deliveries SET user_id = @bob::uuid WHERE id = @taken::uuid", new { bob = LinkScene.Bob, taken });

        var dry = await RollbackAsync(scene, since, dryRun: true);
        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(byTrigger));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.link_suppression"));
        var done = await RollbackAsync(scene, since, dryRun: false);

        Assert.Equal(((3L, 1L), (3L, 1L)), (dry, done));
        foreach (var delivery in (string[])[byGuest, byTrigger, byBatch])
            Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal((LinkScene.Ann, LinkScene.Bob), (await scene.UserOfAsync(kept), await scene.UserOfAsync(taken)));
    }

    [Fact]
    public async Task Several_changes_of_a_record_are_taken_back_to_where_it_was_before_the_first()
    {
        await using var scene = await LinkScene.CreateAsync();
        var since = await scene.Database.ScalarAsync<DateTime>("SELECT clock_timestamp()");
        var delivery = await scene.LinkableAsync();
        var first = await scene.BackfillAsync();
        await scene.UndoAsync(first.RunId!.Value, allowRelink: true);
        await scene.BackfillAsync();

        Assert.Equal((1L, 0L), await RollbackAsync(scene, since, dryRun: false));
        Assert.Null(await scene.UserOfAsync(delivery));
        // Linked and unlinked since: no net change is left to take back.
        Assert.Equal((0L, 0L), await RollbackAsync(scene, since, dryRun: false));
    }

    private static async Task<(long RolledBack, long Conflicts)> RollbackAsync(LinkScene scene, DateTime since, bool dryRun) =>
        (await scene.Database.QueryAsync<(long, long)>(
            "SELECT rolled_back_count, conflict_count FROM rollback_user_links(@since, 'message_deliveries', @dryRun)", new { since, dryRun })).Single();

    /// <summary>So many batches of a hundred.</summary>
    private static async Task<List<long>> BatchesAsync(RunScene scene, int calls, bool dryRun = false)
    {
        List<long> sizes = [];
        while (sizes.Count < calls)
            sizes.Add(await BatchAsync(scene, 100, dryRun));
        return sizes;
    }

    private static Task<long> BatchAsync(RunScene scene, int size, bool dryRun = false) =>
        scene.Database.ScalarAsync<long>(
            "SELECT processed_count FROM backfill_user_links('message_deliveries', @size, @dryRun)", new { size, dryRun });
}
