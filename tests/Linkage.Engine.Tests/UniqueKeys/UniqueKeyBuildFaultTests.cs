using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.UniqueKeys;
using Npgsql;
using static Linkage.Engine.Tests.UniqueKeys.KeyBuildScene;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>What goes wrong while a key is built: in the end it stands, or an error says why not and nothing is left of it.</summary>
public sealed class UniqueKeyBuildFaultTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Duplicates_that_are_inserted_during_the_build_leave_nothing_of_it_or_are_removed(bool removes)
    {
        await using var database = await KeyScene.CreateAsync();
        await InsertAsync(database.Connection, "a");
        await using var writer = await database.OpenAsync();
        // Nobody sees it yet; the build waits for it.
        await writer.ExecuteAsync("BEGIN;");
        await InsertAsync(writer, "a");
        var removal = new Removal(database);

        var build = AddAsync(database, new UniqueKeyOptions { RemoveDuplicates = removes ? removal.RunAsync : null });
        await WaitAsync(database, build);
        await writer.ExecuteAsync("COMMIT");

        if (removes)
        {
            Assert.True((await build).IsAdded);
            Assert.Single(removal.Runs);
            Assert.Equal([$"{Rule} true"], await IndexesAsync(database));
        }
        else
        {
            var fault = await Assert.ThrowsAsync<LinkageException>(() => build);
            Assert.Equal("Linkage.UniqueKey.Duplicates", fault.ErrorId);
            Assert.Contains("while it was built", fault.Message, StringComparison.Ordinal);
            Assert.Empty(await IndexesAsync(database));
        }
    }

    [Fact]
    public async Task An_old_snapshot_on_an_unrelated_table_ends_it_at_its_deadline_and_is_named()
    {
        await using var database = await KeyScene.CreateAsync();
        await using var reader = await OldSnapshotAsync(database);
        List<string> waits = [];
        List<IndexProgress> progress = [];

        var fault = await Assert.ThrowsAsync<LinkageException>(() => AddAsync(
            database, new UniqueKeyOptions { MaxDuration = TimeSpan.FromSeconds(3), Waiting = waits.Add, Progress = progress.Add }));

        Assert.Equal("Linkage.Index.TooSlow", fault.ErrorId);
        Assert.Contains($"session {reader.ProcessID} ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(waits, w => w.Contains($"session {reader.ProcessID} ", StringComparison.Ordinal));
        Assert.Contains(progress, p => p.Phase == "waiting for old snapshots");
        Assert.Empty(await IndexesAsync(database));

        await reader.ExecuteAsync("COMMIT");
        Assert.True((await AddAsync(database)).IsAdded);
    }

    [Fact]
    public async Task A_lock_on_the_table_that_is_not_to_be_had_ends_it_and_whoever_holds_it_is_named()
    {
        await using var database = await KeyScene.CreateAsync();
        await using var other = await database.OpenAsync();
        await other.ExecuteAsync("BEGIN; LOCK TABLE messages IN SHARE UPDATE EXCLUSIVE MODE");

        var fault = await Assert.ThrowsAsync<LinkageException>(
            () => AddAsync(database, new UniqueKeyOptions { LockTimeout = TimeSpan.FromMilliseconds(500) }));

        Assert.Equal("Linkage.Index.LockTimeout", fault.ErrorId);
        Assert.Contains($"session {other.ProcessID} ", fault.Message, StringComparison.Ordinal);
        Assert.Empty(await IndexesAsync(database));
    }

    [Fact]
    public async Task A_lock_timeout_does_not_end_the_wait_for_old_snapshots()
    {
        await using var database = await KeyScene.CreateAsync();
        await using var reader = await OldSnapshotAsync(database);
        List<IndexProgress> progress = [];

        var build = AddAsync(database, new UniqueKeyOptions { LockTimeout = TimeSpan.FromMilliseconds(200), Progress = progress.Add });
        await Poll.UntilAsync(() => progress.Count(p => p.Phase == "waiting for old snapshots") > 10);
        Assert.False(build.IsCompleted);
        await reader.ExecuteAsync("COMMIT");

        Assert.True((await build).IsAdded);
    }

    [Fact]
    public async Task A_client_that_cancels_leaves_nothing_behind()
    {
        await using var database = await KeyScene.CreateAsync();
        await using var reader = await OldSnapshotAsync(database);
        using var stop = new CancellationTokenSource();

        var build = new UniqueKeyBuild(database.Engine).AddAsync(Rule, new UniqueKeyOptions(), stop.Token);
        await WaitAsync(database, build);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => build);
        Assert.Empty(await IndexesAsync(database));
    }

    [Fact]
    public async Task A_backend_that_is_killed_leaves_nothing_behind()
    {
        await using var database = await KeyScene.CreateAsync();
        await using var reader = await OldSnapshotAsync(database);

        var build = AddAsync(database);
        await WaitAsync(database, build);
        await database.ExecuteAsync("SELECT pg_terminate_backend(p.pid) FROM pg_stat_progress_create_index p WHERE p.datname = current_database()");

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => build);
        Assert.Empty(await IndexesAsync(database));
    }

    [Theory]
    [InlineData("indisvalid = false")]
    [InlineData("indisvalid = false, indisready = false")]
    public async Task An_invalid_leftover_of_either_kind_is_replaced(string carcass)
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            $"""
            CREATE UNIQUE INDEX {Rule} ON messages (body);
            CREATE UNIQUE INDEX linkage_invalid_17 ON messages (id, body);
            UPDATE pg_index SET {carcass} WHERE indexrelid IN ('{Rule}'::regclass, 'linkage_invalid_17'::regclass);
            """);

        var result = await AddAsync(database);

        Assert.True(result.IsAdded);
        Assert.Equal([$"{Rule} true"], await IndexesAsync(database));
        Assert.Contains("(external_id) WHERE", result.State.ActualDefinition, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData($"CREATE UNIQUE INDEX {Rule} ON messages (external_id, body)")]
    [InlineData($"CREATE INDEX {Rule} ON messages (external_id)")]
    [InlineData($"CREATE UNIQUE INDEX {Rule} ON businesses (id)")]
    [InlineData($"CREATE TABLE {Rule} ()")]
    public async Task A_name_that_something_else_has_is_an_error_and_that_stays(string other)
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(other);
        const string Definitions = "SELECT string_agg(concat_ws(' ', c.oid, c.relname, pg_get_indexdef(c.oid)), ',' ORDER BY c.oid) FROM pg_class c WHERE c.relname = @Rule";
        var before = await database.ScalarAsync<string>(Definitions, new { Rule });

        var fault = await Assert.ThrowsAsync<LinkageException>(() => AddAsync(database));

        Assert.Equal("Linkage.UniqueKey.Different", fault.ErrorId);
        Assert.Equal(before, await database.ScalarAsync<string>(Definitions, new { Rule }));
    }

    [Fact]
    public async Task A_partition_whose_build_fails_takes_the_whole_along()
    {
        await using var database = await PartitionedAsync("HASH (external_id)");
        await InsertAsync(database.Connection, [.. Enumerable.Range(1, 20).Select(i => $"{i}")]);
        await using var writer = await database.OpenAsync();
        // Into the one partition, as the frame on the whole would wait for a writer that goes through it.
        await writer.ExecuteAsync("BEGIN; INSERT INTO messages_1 SELECT * FROM messages_1");

        var build = AddAsync(database);
        await WaitAsync(database, build);
        await writer.ExecuteAsync("COMMIT");

        Assert.Equal("Linkage.UniqueKey.Duplicates", (await Assert.ThrowsAsync<LinkageException>(() => build)).ErrorId);
        Assert.Empty(await IndexesAsync(database));
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM pg_index WHERE indrelid IN ('messages_0'::regclass, 'messages_1'::regclass)"));
    }

    [Fact]
    public async Task A_key_that_the_server_cannot_build_is_told_in_its_words()
    {
        await using var database = await PartitionedAsync("HASH (id)");

        var fault = await Assert.ThrowsAsync<LinkageException>(() => AddAsync(database));

        Assert.Equal("Linkage.UniqueKey.CannotBeBuilt", fault.ErrorId);
        Assert.Contains("partition", fault.Message, StringComparison.Ordinal);
        Assert.Empty(await IndexesAsync(database));
    }

    [Fact]
    public async Task Two_that_build_one_key_at_once_give_one_index()
    {
        await using var database = await KeyScene.CreateAsync();
        await using var other = await LinkageDatabase.OpenAsync(database.ConnectionString, default);

        await Task.WhenAll(AddAsync(database), new UniqueKeyBuild(other).AddAsync(Rule, new UniqueKeyOptions(), default));

        Assert.Equal([$"{Rule} true"], await IndexesAsync(database));
    }

    [Fact]
    public async Task An_index_that_somebody_is_about_to_make_valid_is_no_leftover()
    {
        await using var database = await KeyScene.CreateAsync();
        await AddAsync(database);
        await database.ExecuteAsync(
            $"SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{Rule}'::regclass");
        await using var builder = new NpgsqlConnection(database.ConnectionString);
        await builder.OpenAsync();
        // As the last transaction of CREATE INDEX CONCURRENTLY does it, when its lock on the table is gone already.
        await builder.ExecuteAsync(
            $"SET allow_system_table_mods = on; BEGIN; UPDATE pg_index SET indisvalid = true WHERE indexrelid = '{Rule}'::regclass");

        var build = AddAsync(database);
        await Poll.UntilAsync(async () => build.IsCompleted || await database.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'messages'::regclass AND mode = 'ShareUpdateExclusiveLock' AND granted)"));
        await builder.ExecuteAsync("COMMIT");

        Assert.False((await build).IsAdded);
        Assert.Equal([$"{Rule} true"], await IndexesAsync(database));
    }
}
