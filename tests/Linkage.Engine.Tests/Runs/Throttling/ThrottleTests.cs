using Linkage.Engine.Database;
using Linkage.Engine.Runs.Throttling;
using Npgsql;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>What all signals have in common: what can't be read is an error at the start and a hold later.</summary>
[Collection(ThrottleServer.Name)]
public sealed class ThrottleTests(ThrottleServer server)
{
    [Fact]
    public async Task Without_signals_nothing_holds_and_nothing_is_read()
    {
        await using var scene = await server.CreateSceneAsync();
        var throttle = await scene.OpenAsync(ThrottleOptions.None);
        await scene.Run.DisposeAsync();

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Fact]
    public async Task On_a_quiet_server_without_replicas_a_role_without_privileges_reads_all_and_goes_on()
    {
        await server.RemoveReplicaAsync();
        await using var scene = await server.CreateSceneAsync();
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)"));

        var throttle = await scene.OpenAsync(ThrottleOptions.Default with { Query = "SELECT false" });

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Theory]
    [InlineData("replica lag", "pg_stat_get_wal_senders()")]
    [InlineData("replica lag", "pg_get_replication_slots()")]
    [InlineData("archiver backlog", "pg_stat_get_archiver()")]
    [InlineData("autovacuum", "pg_lock_status()")]
    [InlineData("autovacuum", "pg_stat_get_activity(integer)")]
    [InlineData("lock waits", "pg_stat_get_activity(integer)")]
    [InlineData("lock waits", "pg_blocking_pids(integer)")]
    public async Task What_was_revoked_from_all_is_named_granted_and_read_and_holds_when_it_is_revoked_again(string signal, string function)
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync($"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC");
        var options = signal switch
        {
            "archiver backlog" => ThrottleOptions.None with { MaxArchiveBacklog = 1000 },
            "replica lag" => ThrottleOptions.None with { MaxReplicaLag = TimeSpan.FromHours(1) },
            "autovacuum" => ThrottleOptions.None with { WatchAutovacuum = true },
            _ => ThrottleOptions.None with { WatchLockWaits = true },
        };

        var fault = await scene.RefusedAsync(options);
        Assert.Equal((FaultKind.Denied, signal), (fault.Kind, fault.Subject));
        Assert.Contains("-SkipThrottle", fault.Message, StringComparison.Ordinal);

        await scene.GrantAsync(fault.Message);
        var throttle = await scene.OpenAsync(options);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        await scene.RevokeAsync(fault.Message);
        Assert.Equal(signal, (await throttle.CheckAsync(CancellationToken.None))?.Signal);

        await scene.GrantAsync(fault.Message);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_signal_that_cant_be_read_does_not_stop_those_that_leave_it_out()
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync("REVOKE EXECUTE ON FUNCTION pg_lock_status(), pg_stat_get_archiver() FROM PUBLIC");

        var fault = await scene.RefusedAsync(ThrottleOptions.None with { MaxArchiveBacklog = 1000, WatchLockWaits = true });
        var throttle = await scene.OpenAsync(ThrottleOptions.None with { MaxReplicaLag = TimeSpan.FromHours(1) });

        Assert.Equal("archiver backlog", fault.Subject);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_lost_connection_is_a_passing_fault_for_the_caller_and_not_a_hold()
    {
        await using var scene = await server.CreateSceneAsync();
        var throttle = await scene.OpenQueryAsync("SELECT pg_terminate_backend(pg_backend_pid()) FROM delivery");
        await scene.Database.ExecuteAsync("INSERT INTO delivery VALUES (1)");

        var fault = await Assert.ThrowsAnyAsync<NpgsqlException>(() => throttle.CheckAsync(CancellationToken.None));

        Assert.True(TransientErrors.IsTransient(fault));
    }

    [Fact]
    public async Task A_cancelled_check_ends_at_once()
    {
        await using var scene = await server.CreateSceneAsync();
        var throttle = await scene.OpenQueryAsync("SELECT pg_sleep(60) IS NULL FROM delivery");
        await scene.Database.ExecuteAsync("INSERT INTO delivery VALUES (1)");
        using var cancellation = new CancellationTokenSource();

        var check = throttle.CheckAsync(cancellation.Token);
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')"));
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => check);
    }
}
