using Dapper;
using Linkage.Engine.Runs.Throttling;
using Npgsql;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>Sessions that wait for the run hold it; other waits do not.</summary>
[Collection(ThrottleServer.Name)]
public sealed class LockWaitSignalTests(ThrottleServer server)
{
    private static readonly ThrottleOptions _options = ThrottleOptions.None with { WatchLockWaits = true };

    [Theory]
    [InlineData("UPDATE delivery SET note = 'run' WHERE id = 1", "UPDATE delivery SET note = 'other' WHERE id = 1")]
    [InlineData("UPDATE delivery SET note = 'run' WHERE id = 1", "ALTER TABLE delivery ADD more integer")]
    [InlineData("INSERT INTO delivery VALUES (2)", "INSERT INTO delivery VALUES (2)")]
    [InlineData("SELECT pg_advisory_xact_lock(4711)", "SELECT pg_advisory_xact_lock(4711)")]
    [InlineData("SELECT txid_current()", "CREATE INDEX CONCURRENTLY ON delivery (note)")]
    public async Task A_session_that_waits_for_the_run_holds_it_until_the_run_gives_way(string run, string other)
    {
        await using var scene = await CreateAsync();
        var throttle = await scene.OpenAsync(_options);
        await using var holder = await scene.BeginAsync();
        await holder.ExecuteAsync(run);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        var waiting = scene.Database.ExecuteAsync(other);
        await ThrottleScene.UntilAsync(throttle, "lock waits");
        await holder.ExecuteAsync("ROLLBACK");
        await waiting;

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Many_that_wait_are_counted()
    {
        await using var scene = await CreateAsync();
        await scene.Database.ExecuteAsync("INSERT INTO delivery SELECT generate_series(2, 9)");
        var throttle = await scene.OpenAsync(_options);
        await using var holder = await scene.BeginAsync();
        await holder.ExecuteAsync("UPDATE delivery SET note = 'run'");

        var waiting = Enumerable.Range(1, 7).Select(async id =>
        {
            await using var other = await scene.BeginAsync("other");
            await other.ExecuteAsync("UPDATE delivery SET note = 'other' WHERE id = @id", new { id });
        }).ToList();
        await Poll.UntilAsync(async () =>
            (await throttle.CheckAsync(CancellationToken.None))?.Reason.StartsWith("7 sessions", StringComparison.Ordinal) == true);

        await holder.ExecuteAsync("ROLLBACK");
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task The_runs_own_workers_that_wait_for_each_other_do_not_hold_it()
    {
        await using var scene = await CreateAsync();
        var throttle = await scene.OpenAsync(_options);
        await using var first = await scene.BeginAsync();
        await using var second = await scene.BeginAsync();

        await AssertGoesOnAsync(scene, throttle, first, second);
    }

    [Fact]
    public async Task Sessions_that_wait_for_somebody_else_do_not_hold_it()
    {
        await using var scene = await CreateAsync();
        var throttle = await scene.OpenAsync(_options);
        await using var run = await scene.BeginAsync();
        await run.ExecuteAsync("SELECT FROM delivery FOR KEY SHARE");
        await using var first = await scene.BeginAsync("first");
        await using var second = await scene.BeginAsync("second");

        await AssertGoesOnAsync(scene, throttle, first, second);
    }

    [Fact]
    public async Task The_run_that_waits_for_somebody_else_is_not_held()
    {
        await using var scene = await CreateAsync();
        var throttle = await scene.OpenAsync(_options);
        await using var other = await scene.BeginAsync("other");
        await using var run = await scene.BeginAsync();

        await AssertGoesOnAsync(scene, throttle, other, run);
    }

    private static async Task AssertGoesOnAsync(ThrottleScene scene, Throttle throttle, NpgsqlConnection holder, NpgsqlConnection waiter)
    {
        const string Change = "UPDATE delivery SET note = 'changed' WHERE id = 1";
        await holder.ExecuteAsync(Change);
        var waiting = waiter.ExecuteAsync(Change);
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT cardinality(pg_blocking_pids(@pid)) > 0", new { pid = waiter.ProcessID }));

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        await holder.ExecuteAsync("ROLLBACK");
        await waiting;
    }

    private async Task<ThrottleScene> CreateAsync()
    {
        var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync("INSERT INTO delivery VALUES (1)");
        return scene;
    }
}
