using Dapper;
using Linkage.Engine.Runs.Throttling;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>Autovacuum at work on the table holds the run, for a role that may not see what autovacuum does.</summary>
[Collection(ThrottleServer.Name)]
public sealed class AutovacuumSignalTests(ThrottleServer server)
{
    // So slow that it is still at work when the test is done.
    private const string Slowly = """
        autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1
        """;

    private static readonly ThrottleOptions _options = ThrottleOptions.None with { WatchAutovacuum = true };

    [Fact]
    public async Task It_holds_the_run_until_it_is_done()
    {
        await using var scene = await server.CreateSceneAsync();
        var throttle = await scene.OpenAsync(_options);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        await scene.Database.ExecuteAsync($"ALTER TABLE delivery SET ({Slowly})");
        await LitterAsync(scene, "delivery");
        await HoldsAsync(scene, throttle);
        // Autovacuum gives way to what needs its lock, and does not come again.
        await scene.Database.ExecuteAsync("ALTER TABLE delivery SET (autovacuum_enabled = false)");

        await ThrottleScene.UntilAsync(throttle, null);
    }

    [Fact]
    public async Task At_work_on_a_partition_it_holds_the_run_over_the_whole()
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync(
            $"""
            DROP TABLE delivery;
            CREATE TABLE delivery (id integer, note text) PARTITION BY RANGE (id);
            CREATE TABLE delivery_low PARTITION OF delivery FOR VALUES FROM (0) TO (1000000) PARTITION BY RANGE (id);
            CREATE TABLE delivery_lowest PARTITION OF delivery_low FOR VALUES FROM (0) TO (1000000) WITH ({Slowly});
            """);
        var throttle = await scene.OpenAsync(_options);

        await LitterAsync(scene, "delivery");

        await HoldsAsync(scene, throttle);
    }

    [Fact]
    public async Task At_work_on_the_toast_table_it_holds_the_run()
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync(
            $"""
            ALTER TABLE delivery ALTER note SET STORAGE EXTERNAL;
            ALTER TABLE delivery SET (autovacuum_enabled = false, {Slowly.Replace("auto", "toast.auto", StringComparison.Ordinal)});
            INSERT INTO delivery SELECT i, repeat('x', 5000) FROM generate_series(1, 2000) AS i;
            DELETE FROM delivery;
            """);
        var throttle = await scene.OpenAsync(_options);

        await HoldsAsync(scene, throttle);
    }

    [Fact]
    public async Task At_work_on_another_table_it_does_not_hold_the_run()
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync($"CREATE TABLE other (id integer, note text) WITH ({Slowly})");
        var throttle = await scene.OpenAsync(_options);

        await LitterAsync(scene, "other");
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE relid = 'other'::regclass)"));

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_vacuum_by_hand_does_not_hold_the_run()
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE delivery SET (autovacuum_enabled = false)");
        await LitterAsync(scene, "delivery");
        var throttle = await scene.OpenAsync(_options);
        await using var hand = await scene.Database.OpenAsync();
        await hand.ExecuteAsync("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1");

        var vacuum = hand.ExecuteAsync("VACUUM delivery");
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE relid = 'delivery'::regclass)"));

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
        await scene.Database.ExecuteAsync("SELECT pg_cancel_backend(@pid)", new { pid = hand.ProcessID });
        await Assert.ThrowsAnyAsync<Npgsql.PostgresException>(() => vacuum);
    }

    private static Task HoldsAsync(ThrottleScene scene, Throttle throttle) => Poll.UntilAsync(async () =>
    {
        // Before PostgreSQL 15 a session may keep what it has to tell autovacuum until the end of a later statement.
        await scene.Database.ExecuteAsync("SELECT 1");
        return (await throttle.CheckAsync(CancellationToken.None))?.Signal == "autovacuum";
    });

    private static Task<int> LitterAsync(ThrottleScene scene, string table) =>
        scene.Database.ExecuteAsync($"INSERT INTO {table} SELECT generate_series(1, 200000); DELETE FROM {table};");
}
