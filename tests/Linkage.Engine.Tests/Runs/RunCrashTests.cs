using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Sandbox;
using Linkage.Engine.UserLinks;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Runs;

/// <summary>Client, backend or server killed at any moment: whole batches, each change with its audit row, and an undo that brings all back.</summary>
public sealed class RunCrashTests(ITestOutputHelper output)
{
    private const int Deliveries = 3000;
    private const int BatchSize = 60;

    [Fact]
    public async Task A_killed_client_leaves_whole_batches_which_an_undo_takes_back_and_the_next_run_finishes()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var before = await scene.FingerprintAsync();
        Guid run = default;

        for (var round = 0; round < 3; round++)
        {
            run = await KilledBackfill.KillAsync(scene.Database.ConnectionString, BatchSize, random.Next(1, 40), random.Next(2_000_000));

            // The server rolls the batch back once it notices; until then the run may look alive.
            await Poll.UntilAsync(async () => (await scene.RunAsync(run)).Status == "interrupted");
            await scene.AssertSoundAsync();
            if (round == 2)
                break;
            var undo = await new RunUndo(scene.Database.Engine).UndoAsync(
                run, allowRelink: true, RunScene.Options(), _ => { }, CancellationToken.None);

            Assert.Equal(0, undo.Count("conflicts"));
            Assert.Equal(before, await scene.FingerprintAsync());
            Assert.Equal("undone", (await scene.RunAsync(run)).Status);
        }

        var linked = await scene.LinkedAsync();
        var last = await scene.BackfillAsync();
        Assert.Equal(("completed", Deliveries - linked), (last.Status, last.Count("processed")));
        Assert.Equal("interrupted", (await scene.RunAsync(run)).Status);
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task An_interrupted_run_goes_on_from_where_it_was()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await RunScene.CreateAsync(Deliveries);
        var run = await KilledBackfill.KillAsync(scene.Database.ConnectionString, BatchSize, random.Next(2, 30), random.Next(2_000_000));
        await Poll.UntilAsync(async () => (await scene.RunAsync(run)).Status == "interrupted");

        var result = await new RunEngine(scene.Database.Engine).ResumeAsync(run, RunScene.Options(), _ => { }, CancellationToken.None);

        Assert.Equal((run, "completed", Deliveries), (result.RunId, result.Status, result.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_run_whose_backends_are_terminated_at_random_goes_on()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await RunScene.CreateAsync(Deliveries);
        await using var killer = await scene.Database.OpenAsync();
        using var started = new SemaphoreSlim(0);
        using var over = new CancellationTokenSource();
        var killing = Task.Run(async () =>
        {
            await started.WaitAsync();
            for (var kills = 0; kills < 12 && !over.IsCancellationRequested;)
            {
                Thread.SpinWait(random.Next(3_000_000));
                kills += await killer.ExecuteScalarAsync<int>(
                    """
                    SELECT count(pg_terminate_backend(pid))::integer
                    FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND state <> 'idle' AND pid <> pg_backend_pid()
                    """);
            }
        });

        var released = false;
        var result = await scene.BackfillAsync(RunScene.Options(BatchSize), _ =>
        {
            if (!released)
                started.Release();
            released = true;
        });
        await over.CancelAsync();
        await killing;

        Assert.Equal(("completed", Deliveries), (result.Status, result.Count("processed")));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }

    [Fact]
    public async Task A_server_that_crashes_and_comes_back_leaves_whole_batches_and_the_run_goes_on()
    {
        var random = new Random(TestSeed.Next(output));
        await using var server = await PostgresSandbox.StartAsync(
            await PostgresFixture.OptionsAsync() with { Durable = true }, CancellationToken.None);
        await using (var connection = new NpgsqlConnection(server.ConnectionString))
        {
            await connection.OpenAsync();
            await ApplicationSchema.CreateAsync(connection, CancellationToken.None);
            await using var installing = await LinkageDatabase.OpenAsync(server.ConnectionString, CancellationToken.None);
            await LinkedDatabase.InstallAsync(installing);
            await RunScene.FillAsync((sql, values) => connection.ExecuteAsync(sql, values), Deliveries);
        }

        var crashAt = random.Next(3, 30);
        var batches = 0;
        Task? crash = null;
        await using (var engine = await LinkageDatabase.OpenAsync(server.ConnectionString, CancellationToken.None))
        {
            var result = await new UserLinkBackfill(engine).RunAsync(RunScene.Target, RunScene.Options(BatchSize), _ =>
            {
                if (++batches == crashAt)
                    crash = Task.Run(async () =>
                    {
                        await server.KillAsync();
                        await server.RestartAsync();
                    });
            }, CancellationToken.None);
            await crash!;

            Assert.Equal(("completed", Deliveries), (result.Status, result.Count("processed")));
        }

        NpgsqlConnection.ClearAllPools();
        await using var scene = new RunScene(await LinkedDatabase.OpenAsync(new TestDatabase(server, server.Database, server.ConnectionString)));
        await scene.AssertSoundAsync();
        await scene.AssertAllLinkedAsync();
    }
}
