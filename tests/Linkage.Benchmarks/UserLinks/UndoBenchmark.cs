using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Benchmarks.UserLinks;

/// <summary>
/// What taking a backfill back costs, beside the backfill itself and beside a bare UPDATE that trusts that nothing happened since: it
/// compares nothing, audits nothing, and the next backfill links all of it again.
/// </summary>
internal static class UndoBenchmark
{
    private const string Backfill = "Invoke-UserLinkBackfill, 1 worker";
    private const string Backfill2 = "Invoke-UserLinkBackfill, 2 workers";
    private const string Bare = "UPDATE SET user_id = NULL, no audit";
    private const string Ours = "Undo-UserLink, 1 worker";
    private const string Ours2 = "Undo-UserLink, 2 workers";
    private const string Linked = "template_linked";

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(options.Rows);
        var (runId, before) = await MakeLinkedTemplateAsync(server);
        Contender[] contenders =
        [
            new(Backfill, database => LinkAsync(database, 1)),
            new(Backfill2, database => LinkAsync(database, 2)),
            new(Bare, database => database.ExecuteAsync(
                """
                UPDATE message_deliveries
                SET user_id = NULL
                WHERE id IN (SELECT record_id FROM user_link_audit WHERE run_id = @runId AND outcome = 'linked')
                """,
                new { runId })) { Template = Linked },
            new(Ours, database => UndoAsync(database, runId, 1)) { Template = Linked },
            new(Ours2, database => UndoAsync(database, runId, 2)) { Template = Linked },
        ];

        var conditions = $"{options.Rows:N0} deliveries, {server.Data.Linkable:N0} links to take back; "
            + $"{options.Runs} rounds, PostgreSQL {server.Version}, fsync on";
        Console.WriteLine(conditions);
        List<string> faults = [];
        var results = await Contender.TakeTurnsAsync(
            server, options, contenders, server.Data.Linkable,
            async (contender, database) =>
            {
                if (contender.Template == Linked && await database.LinksAsync() is var after && after != before)
                    faults.Add($"{contender.Name} left {after}; before the backfill there were {before}.");
            });
        if (faults.Count > 0)
        {
            await Console.Error.WriteLineAsync(string.Join('\n', faults));
            return 1;
        }

        if (options.Docs is { } folder)
            await Report.WriteAsync(folder, "undo", options.Rows, "Taking links back", conditions, results);
        Console.WriteLine($"All left what was there before the backfill: {before}.");
        Results.PrintRatios(
            ("undo_to_bare", results.Seconds(Ours) / results.Seconds(Bare)),
            ("undo_to_backfill", results.Seconds(Ours) / results.Seconds(Backfill)),
            ("undo_to_backfill_2_workers", results.Seconds(Ours2) / results.Seconds(Backfill2)),
            ("cpu_undo_to_bare", results.ServerSeconds(Ours) / results.ServerSeconds(Bare)),
            ("cpu_undo_to_backfill", results.ServerSeconds(Ours) / results.ServerSeconds(Backfill)));
        return 0;
    }

    private static async Task<(Guid RunId, string Before)> MakeLinkedTemplateAsync(BenchmarkServer server)
    {
        string name, before;
        Guid runId;
        await using (var database = await server.CopyAsync(BenchmarkServer.Template))
        {
            name = database.Name;
            before = await database.LinksAsync();
            runId = await LinkAsync(database, 2);
        }

        await server.RenameAsync(name, Linked);
        await server.VacuumAsync(Linked);
        return (runId, before);
    }

    private static async Task<Guid> LinkAsync(BenchmarkDatabase database, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        var run = await new UserLinkBackfill(engine).RunAsync(
            "message_deliveries", With(workers), _ => { }, CancellationToken.None);
        return run.RunId!.Value;
    }

    private static async Task UndoAsync(BenchmarkDatabase database, Guid runId, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        await new UserLinkUndo(engine).UndoAsync(
            runId, allowRelink: false, With(workers), _ => { }, CancellationToken.None);
    }

    private static RunOptions With(int workers) => new()
    {
        Caller = "Benchmark", Settings = new RunSettings { ThrottleLimit = workers },
    };
}
