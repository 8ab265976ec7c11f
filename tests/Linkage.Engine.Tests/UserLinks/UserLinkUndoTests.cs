using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>An undo takes back what a run changed and nobody has changed since, says what it left, and can be undone.</summary>
public sealed class UserLinkUndoTests
{
    [Fact]
    public async Task What_somebody_changed_since_is_left_and_the_next_undo_tries_just_that()
    {
        await using var scene = await LinkScene.CreateAsync();
        string[] deliveries = [await scene.LinkableAsync(), await scene.LinkableAsync(), await scene.LinkableAsync()];
        var run = (await scene.BackfillAsync()).RunId!.Value;
        await SetUserAsync(scene, deliveries[0], LinkScene.Bob);

        var first = await scene.UndoAsync(run);
        Assert.Equal((3, 2, 1), Counts(first));
        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(deliveries[0]));
        Assert.Equal("partly undone", await StatusAsync(scene, run));

        await SetUserAsync(scene, deliveries[0], LinkScene.Ann);
        var second = await scene.UndoAsync(run);
        Assert.Equal((1, 1, 0), Counts(second));
        Assert.Null(await scene.UserOfAsync(deliveries[0]));
        Assert.Equal("undone", await StatusAsync(scene, run));
        Assert.Equal(3, await SuppressionsAsync(scene));
        await Assert.ThrowsAsync<LinkageException>(() => scene.UndoAsync(run));

        // The second undo's part comes back; the first one's stays undone.
        await scene.UndoAsync(second.RunId!.Value);
        Assert.Equal("partly undone", await StatusAsync(scene, run));
        Assert.Equal(2, await SuppressionsAsync(scene));
        await scene.UndoAsync(first.RunId!.Value);
        Assert.Equal("completed", await StatusAsync(scene, run));
        Assert.Equal(0, await SuppressionsAsync(scene));
        foreach (var delivery in deliveries)
            Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task A_record_that_is_gone_is_a_conflict_and_one_that_is_unlinked_already_is_unchanged()
    {
        await using var scene = await LinkScene.CreateAsync();
        string[] deliveries = [await scene.LinkableAsync(), await scene.LinkableAsync(), await scene.LinkableAsync()];
        var run = (await scene.BackfillAsync()).RunId!.Value;
        await scene.Database.ExecuteAsync("DELETE FROM message_deliveries WHERE id = @id::uuid", new { id = deliveries[0] });
        await SetUserAsync(scene, deliveries[1], null);

        var undo = await scene.UndoAsync(run);

        Assert.Equal((3, 1, 1), Counts(undo));
        Assert.Equal(1, undo.Count("unchanged"));
        Assert.Equal("partly undone", await StatusAsync(scene, run));
    }

    [Fact]
    public async Task An_undo_of_an_undo_of_an_undo_unlinks_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var run = (await scene.BackfillAsync()).RunId!.Value;

        var undo = await scene.UndoAsync(run);
        var redo = await scene.UndoAsync(undo.RunId!.Value);
        Assert.Equal((LinkScene.Ann, "completed"), (await scene.UserOfAsync(delivery), await StatusAsync(scene, run)));
        await scene.UndoAsync(redo.RunId!.Value);

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal(("completed", "undone"), (await StatusAsync(scene, undo.RunId.Value), await StatusAsync(scene, redo.RunId.Value)));
        Assert.Equal("undone", await StatusAsync(scene, run));
        Assert.Equal(1, await SuppressionsAsync(scene));
    }

    [Fact]
    public async Task A_dry_run_can_not_be_undone_and_a_dry_undo_changes_nothing()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var dry = (await scene.BackfillAsync(RunMode.DryRun)).RunId!.Value;
        Assert.Null(await scene.UserOfAsync(delivery));
        await Assert.ThrowsAsync<LinkageException>(() => scene.UndoAsync(dry));
        var run = (await scene.BackfillAsync()).RunId!.Value;

        var undo = await new RunUndo(scene.Database.Engine).UndoAsync(
            run, false, new RunOptions { Mode = RunMode.DryRun }, _ => { }, CancellationToken.None);

        Assert.Equal((1, 1, 0), Counts(undo));
        Assert.Equal((LinkScene.Ann, "completed"), (await scene.UserOfAsync(delivery), await StatusAsync(scene, run)));
        Assert.Equal(0, await SuppressionsAsync(scene));
        // Dry rows are no changes: an undo by time finds the one link.
        var since = await SinceAsync(scene, DateTimeOffset.UtcNow.AddHours(-1), RunMode.Preview);
        Assert.Equal((1, 1, 0), Counts(since));
    }

    [Fact]
    public async Task An_undo_by_time_tells_the_runs_that_it_reached_and_can_be_undone()
    {
        await using var scene = await LinkScene.CreateAsync();
        var before = DateTimeOffset.UtcNow.AddMinutes(-1);
        string[] deliveries = [await scene.LinkableAsync(), await scene.LinkableAsync()];
        var run = (await scene.BackfillAsync()).RunId!.Value;

        var undo = await SinceAsync(scene, before, RunMode.Apply);
        Assert.Equal((2, 2, 0), Counts(undo));
        Assert.Equal("undone", await StatusAsync(scene, run));
        Assert.Equal(2, await SuppressionsAsync(scene));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.user_link_undo_item"));

        await scene.UndoAsync(undo.RunId!.Value);
        foreach (var delivery in deliveries)
            Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(0, await SuppressionsAsync(scene));
    }

    [Fact]
    public async Task A_user_who_is_gone_is_not_brought_back()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var undo = await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);
        await scene.Database.ExecuteAsync("DELETE FROM users WHERE id = @ann::uuid", new { ann = LinkScene.Ann });

        var redo = await scene.UndoAsync(undo.RunId!.Value);

        Assert.Equal((1, 0, 1), Counts(redo));
        Assert.Null(await scene.UserOfAsync(delivery));
    }

    private static (long Processed, long RolledBack, long Conflicts) Counts(RunResult result) =>
        (result.Count("processed"), result.Count("rolled_back"), result.Count("conflicts"));

    private static async Task<string> StatusAsync(LinkScene scene, Guid run) =>
        (await new RunLog(scene.Database.Engine).GetAsync(run, CancellationToken.None)).Status;

    private static Task<long> SuppressionsAsync(LinkScene scene) =>
        scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.link_suppression");

    private static Task<int> SetUserAsync(LinkScene scene, string delivery, string? user) => scene.Database.ExecuteAsync(
        "UPDATE message_deliveries SET user_id = @user::uuid WHERE id = @delivery::uuid", new { delivery, user });

    private static Task<RunResult> SinceAsync(LinkScene scene, DateTimeOffset since, RunMode mode) =>
        new UserLinkUndo(scene.Database.Engine).RunSinceAsync(
            since, "message_deliveries", false, new RunOptions { Mode = mode }, _ => { }, CancellationToken.None);
}
