using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>What tests of removals do with a database that has duplicates.</summary>
/// <param name="database">The database.</param>
internal sealed class RemovalScene(LinkedDatabase database) : IAsyncDisposable
{
    public LinkedDatabase Database => database;

    /// <summary>The sample data of the sandbox.</summary>
    public static async Task<RemovalScene> CreateSampleAsync() => await PrepareAsync(await KeyScene.CreateSampleAsync());

    /// <summary>A test's own tables, and rules for them.</summary>
    public static async Task<RemovalScene> CreateAsync(string tables, params UniqueKeyRequest[] rules)
    {
        var scene = await PrepareAsync(await KeyScene.CreateAsync());
        if (tables.Length > 0)
            await scene.Database.ExecuteAsync(tables);
        foreach (var rule in rules)
            await KeyScene.RegisterAsync(scene.Database, rule);
        return scene;
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    public static RunOptions Options(RunMode mode = RunMode.Apply, int batchSize = 7, int workers = 2) =>
        new() { Mode = mode, BatchSize = batchSize, Settings = new RunSettings { ThrottleLimit = workers } };

    public Task<RunResult> RemoveAsync(string rule, RunOptions? options = null) =>
        new DuplicateRemoval(database.Engine).RunAsync(rule, options ?? Options(), _ => { }, CancellationToken.None);

    public Task<RunResult> UndoAsync(Guid run, RunMode mode = RunMode.Apply) =>
        new RunUndo(database.Engine).UndoAsync(run, allowRelink: false, Options(mode), _ => { }, CancellationToken.None);

    public async Task<IReadOnlyList<DuplicateGroup>> FindAsync(string rule) =>
        await new Duplicates(database.Engine).FindAsync(rule, CancellationToken.None).ToListAsync();

    /// <summary>Every row of the application as text, in a stable order.</summary>
    public async Task<IReadOnlyList<string>> RowsAsync()
    {
        List<string> rows = [];
        foreach (var table in await database.QueryAsync<string>(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1"))
        {
            rows.AddRange(await database.QueryAsync<string>($"SELECT $t${table} $t$ || t::text FROM {table} t ORDER BY 1"));
        }

        return rows;
    }

    /// <summary>Undoes a run, that undo, and that again; each time every row must be what it was.</summary>
    public async Task AssertUndoneExactlyAsync(RunResult run, IReadOnlyList<string> before)
    {
        var after = await RowsAsync();
        var undo = await UndoAsync(run.RunId!.Value);
        Assert.Equal(("completed", 0), (undo.Status, undo.Count("conflicts")));
        Assert.Equal(before, await RowsAsync());
        var redo = await UndoAsync(undo.RunId!.Value);
        Assert.Equal(("completed", 0), (redo.Status, redo.Count("conflicts")));
        Assert.Equal(after, await RowsAsync());
        Assert.Equal(0, (await UndoAsync(redo.RunId!.Value)).Count("conflicts"));
        Assert.Equal(before, await RowsAsync());
    }

    /// <summary>Every row of the journal belongs to a batch, and its list is gone.</summary>
    public async Task AssertSoundAsync()
    {
        Assert.Equal(
            0,
            await database.ScalarAsync<int>(
                "SELECT count(*) FROM linkage.row_move m WHERE NOT EXISTS (SELECT FROM linkage.row_batch b WHERE (b.run_id, b.xact) = (m.run_id, m.xact))"));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.duplicate_group"));
    }

    private static async Task<RemovalScene> PrepareAsync(LinkedDatabase database)
    {
        await database.ExecuteAsync("SET TimeZone = 'UTC'");
        return new RemovalScene(database);
    }
}
