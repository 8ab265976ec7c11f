using Dapper;
using Linkage.Engine.Runs.Throttling;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>A physical replica that is behind holds the run; whatever else receives WAL does not.</summary>
[Collection(ThrottleServer.Name)]
public sealed class ReplicaLagSignalTests(ThrottleServer server)
{
    private static readonly ThrottleOptions _options = ThrottleOptions.None with { MaxReplicaLag = TimeSpan.FromMilliseconds(200) };

    [SkippableFact]
    public async Task A_replica_that_stops_replaying_holds_the_run_until_it_has_caught_up()
    {
        await using var replica = await server.OpenReplicaAsync();
        await using var scene = await CreateAsync();
        var throttle = await scene.OpenAsync(_options);
        await ThrottleScene.UntilAsync(throttle, null);

        await replica.ExecuteAsync("SELECT pg_wal_replay_pause()");
        try
        {
            await scene.Database.ExecuteAsync("INSERT INTO delivery VALUES (1)");
            await ThrottleScene.UntilAsync(throttle, "replica lag");
        }
        finally
        {
            await replica.ExecuteAsync("SELECT pg_wal_replay_resume()");
        }

        await ThrottleScene.UntilAsync(throttle, null);
    }

    [SkippableFact]
    public async Task An_idle_replica_that_has_caught_up_is_not_behind_at_all()
    {
        await using var replica = await server.OpenReplicaAsync();
        await using var scene = await CreateAsync();

        var throttle = await scene.OpenAsync(ThrottleOptions.None with { MaxReplicaLag = TimeSpan.Zero });

        await ThrottleScene.UntilAsync(throttle, null);
    }

    [SkippableFact]
    public async Task A_role_that_may_not_see_the_lag_is_told_what_to_grant_and_a_lag_that_is_hidden_later_holds()
    {
        await using var replica = await server.OpenReplicaAsync();
        await using var scene = await server.CreateSceneAsync();
        await StreamsAsync(scene, "standby");
        var options = _options with { MaxReplicaLag = TimeSpan.FromHours(1) };

        var fault = await scene.RefusedAsync(options);
        Assert.Equal((FaultKind.Denied, "replica lag"), (fault.Kind, fault.Subject));

        await scene.GrantAsync(fault.Message);
        var throttle = await scene.OpenAsync(options);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        await scene.RevokeAsync(fault.Message);
        Assert.Equal("replica lag", (await throttle.CheckAsync(CancellationToken.None))?.Signal);
    }

    [Fact]
    public async Task What_receives_wal_without_replaying_it_is_no_replica()
    {
        await using var scene = await CreateAsync();
        await using var receiver = new PhysicalReplicationConnection(
            new NpgsqlConnectionStringBuilder(server.Server.ConnectionString) { ApplicationName = "receiver" }.ConnectionString);
        await receiver.Open();
        var start = (await receiver.IdentifySystem()).XLogPos;
        using var cancellation = new CancellationTokenSource();
        var receiving = ReceiveAsync(receiver, start, cancellation.Token);
        await StreamsAsync(scene, "receiver");
        var throttle = await scene.OpenAsync(_options);

        // The server's own figure grows for ever.
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM pg_logical_emit_message(true, 'test', 'record'), pg_stat_replication
              WHERE application_name = 'receiver' AND replay_lag > '200 ms')
            """));

        await ThrottleScene.UntilAsync(throttle, null);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
    }

    [Fact]
    public async Task A_logical_subscriber_is_no_replica()
    {
        await server.RemoveReplicaAsync();
        await using var scene = await CreateAsync();
        await using var subscriber = await server.CreateSceneAsync();
        var settings = new NpgsqlConnectionStringBuilder(scene.Database.ConnectionString);
        await scene.Database.ExecuteAsync("CREATE PUBLICATION p FOR TABLE delivery");
        await scene.Database.ExecuteAsync("SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')");
        await subscriber.Database.ExecuteAsync(
            $"""
            CREATE SUBSCRIPTION subscriber CONNECTION
              'host={settings.Host} port={settings.Port} dbname={settings.Database} user={settings.Username} password={settings.Password}'
            PUBLICATION p WITH (create_slot = false, copy_data = false)
            """);
        try
        {
            await StreamsAsync(scene, "subscriber");
            var throttle = await scene.OpenAsync(ThrottleOptions.None with { MaxReplicaLag = TimeSpan.Zero });
            await using var blocker = await subscriber.Database.OpenAsync();
            await using var blocking = await blocker.BeginTransactionAsync();
            await blocker.ExecuteAsync("LOCK TABLE delivery");
            await scene.Database.ExecuteAsync("INSERT INTO delivery VALUES (1)");
            await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
                """
                SELECT EXISTS (SELECT FROM pg_locks WHERE relation IS NOT NULL AND NOT granted)
                  AND EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_flush_lsn())
                """));

            Assert.Null(await throttle.CheckAsync(CancellationToken.None));
            Assert.Null(await throttle.CheckAsync(CancellationToken.None));
        }
        finally
        {
            await subscriber.Database.ExecuteAsync("DROP SUBSCRIPTION subscriber");
        }
    }

    [Fact]
    public void A_replica_that_no_longer_answers_grows_old_by_the_samples_that_it_has_not_replayed()
    {
        var clock = new Clock();
        var signal = new ReplicaLagSignal(TimeSpan.FromSeconds(30), clock);
        Assert.Null(signal.Judge([Replica(replayed: 100, written: 100)]));
        Assert.Null(signal.Judge([Replica(replayed: 100, written: 200)]));

        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Null(signal.Judge([Replica(replayed: 100, written: 300)]));
        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.NotNull(signal.Judge([Replica(replayed: 199, written: 400)]));
        // As far as 20 s ago, then as far as now.
        Assert.Null(signal.Judge([Replica(replayed: 200, written: 400)]));
        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.NotNull(signal.Judge([Replica(replayed: 299, written: 400)]));
        Assert.Null(signal.Judge([Replica(replayed: 400, written: 400)]));
    }

    [Fact]
    public void The_slowest_of_several_counts_and_one_that_is_still_catching_up_always_does()
    {
        var signal = new ReplicaLagSignal(TimeSpan.FromSeconds(30), new Clock());
        var fast = Replica(replayed: 190, written: 200) with { ReplayLag = TimeSpan.FromSeconds(1) };
        var slow = fast with { Name = "slow", ReplayLag = TimeSpan.FromSeconds(31) };

        Assert.Null(signal.Judge([fast]));
        Assert.Contains("slow", signal.Judge([fast, slow]), StringComparison.Ordinal);
        Assert.NotNull(signal.Judge([fast with { CatchesUp = true }]));
        // What is left of the last burst's lag means nothing.
        Assert.Null(signal.Judge([slow with { Replayed = 200 }]));
    }

    private static ReplicaLagSignal.Replica Replica(long replayed, long written) => new("replica", false, null, replayed, written);

    private static async Task ReceiveAsync(
        PhysicalReplicationConnection receiver, NpgsqlLogSequenceNumber start, CancellationToken cancellation)
    {
        await foreach (var message in receiver.StartReplication(start, cancellation))
        {
            await message.Data.CopyToAsync(Stream.Null, cancellation);
            receiver.LastFlushedLsn = message.WalEnd;
            await receiver.SendStatusUpdate(cancellation);
        }
    }

    private static Task StreamsAsync(ThrottleScene scene, string name) => Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
        "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = @name AND state = 'streaming')", new { name }));

    /// <summary>With a role that may see what replicas do.</summary>
    private async Task<ThrottleScene> CreateAsync()
    {
        var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync($"GRANT pg_read_all_stats TO \"{scene.Run.UserName}\"");
        return scene;
    }

    private sealed class Clock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
