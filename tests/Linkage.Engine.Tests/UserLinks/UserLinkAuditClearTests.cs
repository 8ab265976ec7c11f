using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Xunit.Abstractions;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class UserLinkAuditClearTests(ITestOutputHelper output)
{
    private static readonly TimeSpan _age = TimeSpan.FromDays(100);
    private static readonly TimeSpan _limit = TimeSpan.FromDays(90);

    [Fact]
    public async Task What_changed_nothing_goes_and_what_an_undo_needs_stays()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        await scene.AmbiguousAsync("+12135559999");
        await scene.DeliveryAsync("nonsense", null);
        await scene.BackfillAsync(RunMode.DryRun);
        var run = await scene.BackfillAsync();
        await scene.AgeAuditAsync(_age);

        var cleared = await scene.ClearAsync(_limit);

        // three examined dry, three for good, of which one linked
        Assert.Equal((6, 5, 1), (cleared.Count("processed"), cleared.Count("cleared"), cleared.Count("kept")));
        Assert.Equal("linked", Assert.Single(await scene.AuditAsync(new() { WithDryRuns = true })).Outcome);
        Assert.Equal(1, (await scene.UndoAsync(run.RunId!.Value)).Count("rolled_back"));
        Assert.Null(await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task Links_that_triggers_made_can_still_be_taken_back_by_time()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync("+12135550000", Ann);
        var delivery = await scene.Database.ScalarAsync<string>(
            "INSERT INTO message_deliveries (guest_id) VALUES (@guest::uuid) RETURNING id::text", new { guest });
        var late = await scene.GuestAsync("+12135550001", null);
        var followed = await scene.DeliveryAsync(null, late);
        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @Bob::uuid WHERE id = @late::uuid", new { Bob, late });
        await scene.AgeAuditAsync(_age);

        var cleared = await scene.ClearAsync(_limit);
        var undone = await new UserLinkUndo(scene.Database.Engine).RunSinceAsync(
            DateTimeOffset.UtcNow - 2 * _age, "message_deliveries", false, new RunOptions(), _ => { }, CancellationToken.None);

        Assert.Equal((0, 2), (cleared.Count("cleared"), cleared.Count("kept")));
        Assert.Equal(2, undone.Count("rolled_back"));
        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Null(await scene.UserOfAsync(followed));
    }

    [Fact]
    public async Task A_change_that_somebody_has_changed_since_is_not_needed()
    {
        await using var scene = await LinkScene.CreateAsync();
        var changed = await scene.LinkableAsync();
        var deleted = await scene.LinkableAsync();
        await scene.BackfillAsync();
        await scene.Database.ExecuteAsync(
            "UPDATE message_deliveries SET user_id = @Bob::uuid WHERE id = @changed::uuid; DELETE FROM message_deliveries WHERE id = @deleted::uuid",
            new { Bob, changed, deleted });
        await scene.AgeAuditAsync(_age);

        Assert.Equal((2, 2), await CountsAsync(scene.ClearAsync(_limit)));
    }

    [Fact]
    public async Task A_change_that_was_undone_can_return_and_be_undone_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var run = (await scene.BackfillAsync()).RunId!.Value;
        var undo = (await scene.UndoAsync(run)).RunId!.Value;
        await scene.AgeAuditAsync(_age);

        Assert.Equal((2, 0), await CountsAsync(scene.ClearAsync(_limit)));
        Assert.Equal(1, (await scene.UndoAsync(undo)).Count("rolled_back"));
        Assert.Equal(Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(1, (await scene.UndoAsync(run)).Count("rolled_back"));
        Assert.Null(await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task The_conflicts_of_a_partly_undone_run_stay_for_the_next_attempt()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        await scene.LinkableAsync();
        var run = (await scene.BackfillAsync()).RunId!.Value;
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = @Bob::uuid WHERE id = @delivery::uuid", new { Bob, delivery });
        Assert.Equal(1, (await scene.UndoAsync(run)).Count("conflicts"));
        await scene.AgeAuditAsync(_age);

        await scene.ClearAsync(_limit);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = @Ann::uuid WHERE id = @delivery::uuid", new { Ann, delivery });
        var again = await scene.UndoAsync(run);

        Assert.Equal((1, 0), (again.Count("rolled_back"), again.Count("conflicts")));
        Assert.Null(await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task Force_clears_all_that_is_old_and_the_runs_then_refuse_to_be_undone()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var run = (await scene.BackfillAsync()).RunId!.Value;
        await scene.AgeAuditAsync(_age);
        await scene.LinkableAsync();
        var young = (await scene.BackfillAsync()).RunId!.Value;

        Assert.Equal((1, 1), await CountsAsync(scene.ClearAsync(_limit, force: true)));
        var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.UndoAsync(run));
        Assert.Equal("Linkage.Run.NothingToUndo", fault.ErrorId);
        Assert.Contains("cleared", fault.Message, StringComparison.Ordinal);
        Assert.Equal(Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(1, (await scene.UndoAsync(young)).Count("rolled_back"));
    }

    [Fact]
    public async Task A_preview_counts_what_a_run_then_clears_and_writes_nothing()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.DeliveryAsync("nonsense", null);
        await scene.BackfillAsync();
        await scene.AgeAuditAsync(_age);

        var preview = await scene.ClearAsync(_limit, mode: RunMode.Preview);

        Assert.Null(preview.RunId);
        Assert.Equal(2, (await scene.AuditAsync()).Count);
        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run"));
        Assert.Equal(preview.Counts.OrderBy(c => c.Key), (await scene.ClearAsync(_limit)).Counts.OrderBy(c => c.Key));
    }

    [Fact]
    public async Task A_table_can_be_cleared_by_itself_and_the_young_stay()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO user_link_audit (table_name, outcome, created_at)
            SELECT t, 'no_match', now() - d * interval '1 day'
            FROM unnest(ARRAY['message_deliveries', 'message_deliveries_backfill', 'gone']) t, unnest(ARRAY[100, 80]) d
            """);

        Assert.Equal((1, 1), await CountsAsync(scene.ClearAsync(_limit, tables: ["gone"])));
        Assert.Equal((2, 2), await CountsAsync(scene.ClearAsync(_limit)));
        Assert.Equal(3, (await scene.AuditAsync()).Count);
    }

    [Fact]
    public async Task Whatever_the_order_of_times_and_the_size_of_batches_exactly_the_old_are_cleared()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            SELECT setseed(@seed / 2147483648.0);
            INSERT INTO user_link_audit (table_name, outcome, created_at)
            SELECT 'message_deliveries', 'no_match', now() - random() * interval '180 days' FROM generate_series(1, 500)
            """,
            new { seed });
        var old = await scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM user_link_audit WHERE created_at < now() - interval '90 days'");

        Assert.Equal((old, old), await CountsAsync(scene.ClearAsync(_limit, batchSize: new Random(seed).Next(1, 60))));
        Assert.Equal(500 - old, (await scene.AuditAsync()).Count);
    }

    [Fact]
    public async Task A_cut_off_clearing_leaves_whole_batches_and_can_go_on()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO user_link_audit (table_name, outcome, created_at) SELECT 'x', 'no_match', now() - interval '1 year' FROM generate_series(1, 100)");
        using var stop = new CancellationTokenSource();
        Guid? run = null;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new UserLinkAudit(scene.Database.Engine).ClearAsync(
            DateTimeOffset.UtcNow, null, false, new RunOptions { BatchSize = 10, Settings = new RunSettings { ThrottleLimit = 1 } },
            progress =>
            {
                run = progress.RunId;
                if (progress.Done >= 30)
                    stop.Cancel();
            },
            stop.Token));
        var left = (await scene.AuditAsync()).Count;
        var resumed = await new RunEngine(scene.Database.Engine).ResumeAsync(run!.Value, new RunOptions(), _ => { }, CancellationToken.None);

        Assert.Equal(70, left);
        Assert.Equal((100, "completed"), (resumed.Count("cleared"), resumed.Status));
        Assert.Empty(await scene.AuditAsync());
    }

    [Fact]
    public async Task Two_at_once_are_refused()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            "SELECT linkage.start_run(linkage.user_link_audit_clear_work(now(), NULL, false), false, NULL, NULL, NULL, NULL)");

        var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.ClearAsync(_limit));

        Assert.Equal(FaultKind.Busy, fault.Kind);
    }

    private static async Task<(long Processed, long Cleared)> CountsAsync(Task<RunResult> run)
    {
        var result = await run;
        Assert.Equal(result.Count("processed"), result.Count("cleared") + result.Count("kept"));
        return (result.Count("processed"), result.Count("cleared"));
    }
}
