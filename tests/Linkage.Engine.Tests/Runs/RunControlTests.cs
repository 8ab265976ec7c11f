using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Runs;

/// <summary>Another session stops a run, lets it stand still and go on, and gives it less time.</summary>
public sealed class RunControlTests
{
    private const int Deliveries = 1000;
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_stopped_run_ends_after_its_batches_and_can_be_resumed()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, RunScene.Options(20));
        var control = new RunControl(scene.Database.Engine);

        var asked = await control.StopAsync(run.RunId, TimeSpan.Zero, CancellationToken.None);
        Assert.Equal(("running", "stop"), (asked.Status, asked.Requested));
        await run.IsHeardAsync();
        await brake.ReleaseAsync();

        var result = await run.Result;
        Assert.Equal("stopped", result.Status);
        Assert.InRange(result.Count("processed"), 1, Deliveries - 1);
        await AssertGoesOnAsync(scene, run.RunId);
    }

    [Fact]
    public async Task A_batch_that_does_not_end_does_not_keep_a_run_from_being_stopped()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, RunScene.Options(20));

        var stopped = await new RunControl(scene.Database.Engine).StopAsync(run.RunId, _limit, CancellationToken.None);

        Assert.Equal(("stopped", null), (stopped.Status, stopped.Requested));
        Assert.Equal(("stopped", 0), ((await run.Result).Status, (await run.Result).Count("processed")));
        await brake.ReleaseAsync();
        await AssertGoesOnAsync(scene, run.RunId);
    }

    [Fact]
    public async Task A_suspended_run_keeps_its_target_and_goes_on_when_it_is_told_to()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, RunScene.Options(20));
        var control = new RunControl(scene.Database.Engine);

        await SuspendAsync(scene, brake, run);

        var examined = await ExaminedAsync(scene);
        Assert.InRange(examined, 1, Deliveries - 1);
        var refused = await Assert.ThrowsAsync<LinkageException>(() => scene.BackfillAsync());
        Assert.Equal((FaultKind.Busy, run.RunId.ToString()), (refused.Kind, refused.Subject));
        Assert.Contains("suspended", refused.Message, StringComparison.Ordinal);
        // It is alive all the while, and examines nothing.
        await run.IsHeardAsync();
        Assert.Equal(examined, await ExaminedAsync(scene));
        Assert.Equal("suspended", (await scene.RunAsync(run.RunId)).Status);

        Assert.NotNull(await control.ContinueAsync(run.RunId, _limit, CancellationToken.None));
        var result = await run.Result;
        Assert.Equal(("completed", Deliveries), (result.Status, result.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_suspended_run_can_be_stopped()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, RunScene.Options(20));
        var control = new RunControl(scene.Database.Engine);
        await SuspendAsync(scene, brake, run);

        Assert.Equal("stopped", (await control.StopAsync(run.RunId, _limit, CancellationToken.None)).Status);

        Assert.Equal("stopped", (await run.Result).Status);
        await AssertGoesOnAsync(scene, run.RunId);
    }

    [Fact]
    public async Task A_run_whose_time_is_over_stops()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var options = RunScene.Options(20) with { Settings = new() { MaxDuration = TimeSpan.FromMilliseconds(1) } };

        var result = await scene.BackfillAsync(options);

        Assert.Equal("stopped", result.Status);
        Assert.InRange(result.Count("processed"), 0, Deliveries - 1);
        await AssertGoesOnAsync(scene, result.RunId!.Value);
    }

    [Fact]
    public async Task A_run_that_is_given_less_time_while_it_runs_stops_when_that_is_over()
    {
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, RunScene.Options(20));
        await new RunControl(scene.Database.Engine).ChangeAsync(
            run.RunId, null, null, TimeSpan.FromMilliseconds(1), CancellationToken.None);
        await run.IsHeardAsync();
        await brake.ReleaseAsync();

        var result = await run.Result;

        Assert.Equal("stopped", result.Status);
        Assert.InRange(result.Count("processed"), 1, Deliveries - 1);
        await AssertGoesOnAsync(scene, run.RunId);
    }

    [Fact]
    public async Task A_run_that_has_ended_or_never_was_is_asked_nothing()
    {
        await using var scene = await RunScene.CreateAsync(10);
        var run = (await scene.BackfillAsync()).RunId!.Value;
        var control = new RunControl(scene.Database.Engine);

        foreach (var ask in (Func<Guid, Task>[])
        [
            id => control.StopAsync(id, TimeSpan.Zero, CancellationToken.None),
            id => control.SuspendAsync(id, TimeSpan.Zero, CancellationToken.None),
            id => control.ChangeAsync(id, 1, null, null, CancellationToken.None),
        ])
        {
            var ended = await Assert.ThrowsAsync<LinkageException>(() => ask(run));
            Assert.Equal(("Linkage.Run.WrongState", run.ToString()), (ended.ErrorId, ended.Subject));
            Assert.Equal(FaultKind.NotFound, (await Assert.ThrowsAsync<LinkageException>(() => ask(Guid.NewGuid()))).Kind);
        }

        Assert.Null(await control.ContinueAsync(run, TimeSpan.Zero, CancellationToken.None));
        Assert.Equal("completed", (await scene.RunAsync(run)).Status);
    }

    private static async Task AssertGoesOnAsync(RunScene scene, Guid run)
    {
        Assert.Equal("stopped", (await scene.RunAsync(run)).Status);
        await scene.AssertSoundAsync();
        var resumed = await new RunEngine(scene.Database.Engine).ResumeAsync(run, RunScene.Options(), _ => { }, CancellationToken.None);
        Assert.Equal((run, "completed", Deliveries), (resumed.RunId, resumed.Status, resumed.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    /// <summary>Lets a braked run stand still after the batches under way.</summary>
    private static async Task SuspendAsync(RunScene scene, Brake brake, BrakedRun run)
    {
        await new RunControl(scene.Database.Engine).SuspendAsync(run.RunId, TimeSpan.Zero, CancellationToken.None);
        await run.IsHeardAsync();
        await brake.ReleaseAsync();
        await Poll.UntilAsync(async () => (await scene.RunAsync(run.RunId)).Status == "suspended");
    }

    private static Task<long> ExaminedAsync(RunScene scene) => scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit");
}
