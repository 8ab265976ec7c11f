using Linkage.Engine.Runs.Throttling;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>WAL files that wait for the archiver hold the run.</summary>
[Collection(ThrottleServer.Name)]
public sealed class ArchiverBacklogSignalTests(ThrottleServer server)
{
    private const long Size = 16 * 1024 * 1024;

    private static readonly ThrottleOptions _options = ThrottleOptions.None with { MaxArchiveBacklog = 2 };

    [Fact]
    public async Task An_archiver_that_fails_holds_the_run_until_it_has_caught_up()
    {
        await using var scene = await server.CreateSceneAsync();
        var throttle = await scene.OpenAsync(_options);
        await ThrottleScene.UntilAsync(throttle, null);
        await SetCommandAsync(scene, "false");

        await SwitchAsync(scene, files: 2);
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
        await SwitchAsync(scene, files: 1);
        await ThrottleScene.UntilAsync(throttle, "archiver backlog");
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            "SELECT last_failed_time > COALESCE(last_archived_time, '-infinity') FROM pg_stat_archiver"));
        Assert.Equal("archiver backlog", (await throttle.CheckAsync(CancellationToken.None))?.Signal);

        await SetCommandAsync(scene, "true");
        await ThrottleScene.UntilAsync(throttle, null);
    }

    [Theory]
    [InlineData("000000010000000000000000", 0L)]
    [InlineData("0000000100000000000000FF", 255L)]
    [InlineData("000000010000000100000000", 256L)]
    [InlineData("0000000A00000002000000FE", 766L)]
    [InlineData("00000002.history", null)]
    [InlineData("0000000100000000000000FF.00000028.backup", null)]
    [InlineData("0000000100000000000000FF.partial", null)]
    [InlineData(null, null)]
    public void Names_of_wal_files_count_up_over_timelines_and_others_have_no_number(string? name, long? number) =>
        Assert.Equal(number, WalSegment.Number(name, Size));

    [Fact]
    public void Wal_files_of_another_size_count_as_well() => Assert.Equal(5, WalSegment.Number("000000010000000100000001", 1L << 30));

    [Fact]
    public void Where_the_statistics_know_nothing_the_backlog_counts_from_the_start_of_the_run()
    {
        var signal = new ArchiverBacklogSignal(2);

        Assert.Null(signal.Judge(State(finished: 10, archived: null)));
        Assert.Null(signal.Judge(State(finished: 12, archived: null)));
        Assert.NotNull(signal.Judge(State(finished: 13, archived: null)));
        Assert.Null(signal.Judge(State(finished: 13, archived: "00000001000000000000000B")));
    }

    [Fact]
    public void The_label_of_a_backup_that_began_long_ago_is_not_taken_for_a_position()
    {
        var signal = new ArchiverBacklogSignal(2);

        Assert.Null(signal.Judge(State(finished: 10, archived: "00000001000000000000000A")));
        Assert.Null(signal.Judge(State(finished: 12, archived: "000000010000000000000001.00000028.backup")));
        Assert.NotNull(signal.Judge(State(finished: 13, archived: "000000010000000000000001.00000028.backup")));
    }

    [Fact]
    public void The_file_that_the_archiver_fails_on_tells_the_backlog()
    {
        Assert.Null(new ArchiverBacklogSignal(2).Judge(State(finished: 10, archived: null, failing: "000000010000000000000009")));
        Assert.Contains(
            "3 finished WAL files",
            new ArchiverBacklogSignal(2).Judge(State(finished: 10, archived: null, failing: "000000010000000000000008")),
            StringComparison.Ordinal);
    }

    private static ArchiverBacklogSignal.State State(long finished, string? archived, string? failing = null) =>
        new(((finished + 1) * Size) + 1, Size, archived, failing, failing is null ? null : DateTime.UtcNow);

    private static Task<int> SetCommandAsync(ThrottleScene scene, string command) => scene.Database.ExecuteAsync(
        $"ALTER SYSTEM SET archive_command = '{command}'; SELECT pg_reload_conf();");

    // A switch does nothing in a file without records.
    private static async Task SwitchAsync(ThrottleScene scene, int files)
    {
        for (var file = 0; file < files; file++)
            await scene.Database.ExecuteAsync("SELECT pg_logical_emit_message(false, 'test', 'record'); SELECT pg_switch_wal();");
    }
}
