using Dapper;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>An undo that meets rows which the application is just about to write.</summary>
public sealed class UndoConcurrencyTests
{
    [Theory]
    [InlineData(RunKey.Uuid)]
    [InlineData(RunKey.Composite)]
    [InlineData(RunKey.Partitioned)]
    public async Task A_row_that_the_application_wrote_otherwise_is_taken_back_once_it_is_free(RunKey key)
    {
        await using var scene = await KeyedScene.CreateAsync(key);
        await scene.FillAsync(400);
        await using var engine = await scene.OpenAsync();
        var options = RunScene.Options(10) with { Settings = new() { ThrottleLimit = 1 }, LockTimeout = TimeSpan.FromMinutes(1) };
        var run = await new UserLinkBackfill(engine).RunAsync(RunScene.Target, options, _ => { }, CancellationToken.None);
        await using var writer = new NpgsqlConnection(scene.ConnectionString);
        await writer.OpenAsync();
        await using var writing = await writer.BeginTransactionAsync();
        await writer.ExecuteAsync("UPDATE message_deliveries SET status = 'written'");

        var undoing = new RunUndo(engine).UndoAsync(run.RunId!.Value, allowRelink: true, options, _ => { }, CancellationToken.None);
        await Poll.UntilAsync(() => scene.ScalarAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')
            """));
        await writing.CommitAsync();

        var undo = await undoing;
        Assert.Equal((run.Count("linked"), 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        await scene.AssertUndoneAsync(run.RunId.Value);
        await scene.AssertSoundAsync();
    }
}
