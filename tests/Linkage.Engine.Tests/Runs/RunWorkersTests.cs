using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.Runs;

/// <summary>However many workers share a walk, each candidate is examined once.</summary>
public sealed class RunWorkersTests
{
    private const int Deliveries = 900;
    private const string ByKey = "SELECT linkage.user_link_work_by_key('message_deliveries')::text";
    private const string Whole = "SELECT linkage.user_link_work('message_deliveries')::text";

    [Theory]
    [InlineData(RunKey.Uuid)]
    [InlineData(RunKey.Bigint)]
    [InlineData(RunKey.Text)]
    [InlineData(RunKey.Composite)]
    [InlineData(RunKey.Partitioned)]
    public async Task Every_candidate_is_examined_once_on_any_key_and_by_any_walk(RunKey key)
    {
        await using var scene = await KeyedScene.CreateAsync(key);
        await using var engine = await scene.OpenAsync();
        foreach (var isSkewed in (bool[])[false, true])
        {
            foreach (var (work, workers) in ((string, int)[])[(Whole, 1), (Whole, 4), (ByKey, 2), (ByKey, 4)])
            {
                await scene.FillAsync(Deliveries, isSkewed);
                var candidates = await scene.CandidatesAsync();

                var result = await new RunEngine(engine).RunAsync(new RunWork(work), Options(workers), _ => { }, CancellationToken.None);

                Assert.Equal(
                    (isSkewed, work, workers, "completed", candidates),
                    (isSkewed, work, workers, result.Status, result.Count("processed")));
                await scene.AssertSoundAsync();
                await scene.AssertAllLinkedAsync(result.RunId!.Value);
            }
        }

        Assert.Equal(0, await scene.ScalarAsync<long>("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"));
    }

    [Theory]
    [InlineData(RunKey.Uuid, 4)]
    [InlineData(RunKey.Partitioned, 2)]
    public async Task An_undo_by_many_workers_takes_everything_back(RunKey key, int workers)
    {
        await using var scene = await KeyedScene.CreateAsync(key);
        await scene.FillAsync(Deliveries, isSkewed: true);
        await using var engine = await scene.OpenAsync();
        var before = await scene.FingerprintAsync();
        var run = await new UserLinkBackfill(engine).RunAsync(RunScene.Target, Options(workers), _ => { }, CancellationToken.None);

        var undo = await new RunUndo(engine).UndoAsync(run.RunId!.Value, allowRelink: false, Options(workers), _ => { }, CancellationToken.None);

        Assert.Equal((run.Count("linked"), 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Equal("undone", (await scene.RunAsync(run.RunId.Value)).Status);
        Assert.Equal(before, await scene.FingerprintAsync());
        await scene.AssertSoundAsync();
    }

    [Fact]
    public async Task Workers_come_and_go_as_the_limit_is_changed_while_it_runs()
    {
        await using var scene = await RunScene.CreateAsync(3000);
        await using var brake = await Brake.OnAsync(scene.Database);
        await using var run = await BrakedRun.StartAsync(scene, brake, RunScene.Options(10) with { Settings = new() { ThrottleLimit = 1 } });
        var control = new RunControl(scene.Database.Engine);
        Assert.Equal(1, await ClaimsAsync());

        await control.ChangeAsync(run.RunId, 4, null, null, CancellationToken.None);
        await Poll.UntilAsync(async () => await ClaimsAsync() == 4);
        await control.ChangeAsync(run.RunId, 1, null, null, CancellationToken.None);
        await run.IsHeardAsync();
        // Those that are too many finish what they have claimed: a batch or two.
        await Poll.UntilAsync(async () =>
        {
            await brake.ReleaseAsync();
            await brake.HoldAsync();
            return await ClaimsAsync() <= 1;
        });
        await control.ChangeAsync(run.RunId, 2, null, null, CancellationToken.None);
        await Poll.UntilAsync(async () => await ClaimsAsync() == 2);
        await brake.ReleaseAsync();

        var result = await run.Result;
        Assert.Equal(("completed", 3000), (result.Status, result.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();

        Task<long> ClaimsAsync() => scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run_range");
    }

    // A lock that others wait for longer than the server's deadlock_timeout: a deadlock would be one, not a time-out.
    private static RunOptions Options(int workers) => RunScene.Options(40) with
    {
        Settings = new() { ThrottleLimit = workers }, LockTimeout = TimeSpan.FromSeconds(20),
    };
}
