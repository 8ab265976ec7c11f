using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Runs.Throttling;
using Linkage.Engine.Sandbox;
using Linkage.Engine.UserLinks;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>
/// Rounds of: fresh deliveries, a backfill under faults that is resumed until it is complete or given up and undone, an undo under faults.
/// </summary>
/// <param name="server">A durable server of its own.</param>
/// <param name="random">Decides everything but the moments at which faults strike.</param>
/// <param name="tell">Hears of every attempt.</param>
internal sealed class RunSoak(PostgresSandbox server, Random random, Action<string> tell) : IAsyncDisposable
{
    private readonly Dictionary<RunKey, KeyedScene> _scenes = [];
    private readonly FaultInjector _injector = new(server, random);
    private int _rounds;

    /// <summary>How many faults were injected.</summary>
    public int Faults => _injector.Counts.Values.Sum();

    public override string ToString() =>
        $"{Faults} faults injected in {_rounds} rounds: {string.Join(", ", _injector.Counts.Select(c => $"{c.Key} {c.Value}"))}";

    public async ValueTask DisposeAsync()
    {
        foreach (var scene in _scenes.Values)
            await scene.DisposeAsync();
    }

    public async Task RoundAsync()
    {
        _rounds++;
        var (isSkewed, isQuiet) = (random.Next(2) == 0, random.Next(3) == 0);
        var scene = await SceneAsync((RunKey)random.Next(Enum.GetValues<RunKey>().Length));
        await scene.FillAsync(random.Next(500, 1200), isSkewed);
        await scene.ExecuteAsync(
            $"""
            SET session_replication_role = replica;
            UPDATE message_deliveries d SET status = CASE WHEN random() < 0.5 THEN 'poison' ELSE 'poison of undo' END
            WHERE user_id IS NULL AND abs(hashtext({scene.Key.Text()})) % 300 = {random.Next(600)}
            """);
        var before = await scene.FingerprintAsync();
        var application = isQuiet ? null : new Application(scene, new Random(random.Next()), isSkewed);
        tell($"Round {_rounds}: {scene.Key}{(isSkewed ? ", skewed" : "")}{(isQuiet ? ", quiet" : "")}");

        var run = await AttemptAsync(scene, application, "start", default);
        await scene.AssertSoundAsync();
        while ((await scene.RunAsync(run)).Status != "completed" && random.Next(4) > 0)
        {
            await AttemptAsync(scene, application, "resume", run);
            await scene.AssertSoundAsync();
        }

        if ((await scene.RunAsync(run)).Status == "completed")
        {
            await scene.AssertAllLinkedAsync(run);
            if (random.Next(3) == 0)
                return;
        }

        while ((await scene.RunAsync(run)).Status is not ("undone" or "partly undone"))
        {
            await AttemptAsync(scene, application, "undo", run);
            await scene.AssertSoundAsync();
        }

        await scene.AssertUndoneAsync(run);
        if (isQuiet)
        {
            await UndoAllAsync(scene, run);
            Assert.Equal(before, await scene.FingerprintAsync());
        }
    }

    /// <summary>
    /// Takes back, without faults, whatever is linked still: what the undo of the run could not, and what other clients linked, who are
    /// let in while nobody holds the target, also just after the undo. The newest first, since they linked what older ones had left or lost.
    /// </summary>
    private static async Task UndoAllAsync(KeyedScene scene, Guid first)
    {
        await scene.ExecuteAsync("ALTER TABLE message_deliveries DISABLE TRIGGER inject");
        await using (var engine = await scene.OpenAsync())
        {
            while (await scene.ScalarAsync<Guid?>(
                """
                SELECT r.id FROM linkage.run r
                WHERE r.id >= @first AND r.kind = 'UserLinkBackfill' AND r.status <> 'undone' AND (r.counts ->> 'linked')::bigint > 0
                ORDER BY r.id DESC
                LIMIT 1
                """,
                new { first }) is { } run)
            {
                await new RunUndo(engine).UndoAsync(run, allowRelink: true, RunScene.Options(200), _ => { }, CancellationToken.None);
                Assert.Equal("undone", (await scene.RunAsync(run)).Status);
            }
        }

        await scene.ExecuteAsync("ALTER TABLE message_deliveries ENABLE TRIGGER inject");
    }

    private async Task<KeyedScene> SceneAsync(RunKey key)
    {
        if (_scenes.TryGetValue(key, out var known))
            return known;
        var name = $"soak_{key}";
        var settings = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync(name)) { SearchPath = "public" };
        var scene = await KeyedScene.CreateAsync(key, new TestDatabase(server, name, settings.ConnectionString));
        await FaultInjector.PrepareAsync(scene);
        _scenes.Add(key, scene);
        return scene;
    }

    /// <summary>Starts, resumes or undoes a run, and lets it meet some faults; returns the run once nobody works on the scene any more.</summary>
    private async Task<Guid> AttemptAsync(KeyedScene scene, Application? application, string work, Guid run)
    {
        var (workers, batchSize) = (random.Next(1, 5), random.Next(8, 60));
        if (random.Next(6) == 0)
        {
            tell($"  {work}: killed, {workers} workers, batches of {batchSize}");
            var killed = await KilledBackfill.KillAsync(
                scene.ConnectionString, batchSize, random.Next(1, 30), random.Next(2_000_000), workers, work, run);
            _injector.CountKill();
            await Poll.UntilAsync(async () => (await scene.RunAsync(killed)).Status is not ("running" or "suspended"));
            return work == "start" ? killed : run;
        }

        var faults = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Any()).ToArray();
        tell($"  {work}: {string.Join(", ", faults)}, {workers} workers, batches of {batchSize}");
        Guid? started = null;
        using var forFaults = new SemaphoreSlim(0);
        using var forApplication = new SemaphoreSlim(0);
        using var end = new CancellationTokenSource();
        var writing = application?.WorkAsync(forApplication, end.Token) ?? Task.CompletedTask;
        var injecting = InjectAsync(scene, faults, forFaults, end.Token);
        LinkageException? fault = null;
        await using (var engine = await scene.OpenAsync())
        {
            try
            {
                var options = RunScene.Options(batchSize) with
                {
                    Settings = new() { ThrottleLimit = workers }, Throttle = ThrottleOptions.None,
                };
                await CarryOutAsync(engine, work, run, options, progress =>
                {
                    started ??= progress.RunId;
                    forFaults.Release();
                    forApplication.Release();
                });
            }
            catch (LinkageException e)
            {
                fault = e;
            }
        }

        await end.CancelAsync();
        await injecting;
        await writing;
        var isFatal = await _injector.CollectAsync(scene);
        if (fault is not null)
            AssertExpected(fault, faults, isFatal);
        return work == "start" ? started!.Value : run;
    }

    private static Task<RunResult> CarryOutAsync(
        LinkageDatabase engine, string work, Guid run, RunOptions options, Action<RunProgress> progress) =>
        work switch
        {
            "resume" => new RunEngine(engine).ResumeAsync(run, options, progress, CancellationToken.None),
            "undo" => new RunUndo(engine).UndoAsync(run, allowRelink: true, options, progress, CancellationToken.None),
            _ => new UserLinkBackfill(engine).RunAsync(RunScene.Target, options, progress, CancellationToken.None),
        };

    /// <summary>Each fault some batches after the one before; those that the run did not live to see are left out.</summary>
    private async Task InjectAsync(KeyedScene scene, InjectedFault[] faults, SemaphoreSlim ticks, CancellationToken end)
    {
        try
        {
            foreach (var fault in faults)
            {
                for (var batches = random.Next(1, 8); batches > 0; batches--)
                    await ticks.WaitAsync(end);
                // Anywhere in the batch, not just between two.
                Thread.SpinWait(random.Next(1_000_000));
                await _injector.InjectAsync(fault, scene);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
    }

    /// <summary>A run may end early for want of disk, or because another client took it over; all else it has to overcome.</summary>
    private static void AssertExpected(LinkageException fault, InjectedFault[] faults, bool isFatal) => Assert.True(
        (fault.ErrorId == "Linkage.Run.BatchFailed" && isFatal)
        || (fault.ErrorId == "Linkage.Run.NoLongerRunning" && faults.Any(f => f is InjectedFault.Usurper or InjectedFault.SecondClient)),
        fault.ToString());

    private InjectedFault Any() => random.Next(20) switch
    {
        < 6 => InjectedFault.Terminate,
        < 10 => InjectedFault.Cancel,
        < 15 => InjectedFault.Statement,
        < 17 => InjectedFault.SecondClient,
        < 19 => InjectedFault.Usurper,
        _ => InjectedFault.Crash,
    };
}
