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
    private const string Backfill = "Invoke-UserLinkBackfill";
    private const string Bare = "UPDATE SET user_id = NULL";
    private const string Ours = "Undo-UserLink";
    private const string Linked = "template_linked";

    public static async Task<int> RunAsync(int deliveries, int runs)
    {
        await using var server = await BenchmarkServer.StartAsync(deliveries);
        var (runId, before) = await MakeLinkedTemplateAsync(server);
        var contenders = new (string Name, string Template, Func<BenchmarkDatabase, Task> Work)[]
        {
            (Backfill, BenchmarkServer.Template, database => LinkAsync(database)),
            (Bare, Linked, database => database.ExecuteAsync(
                """
                UPDATE message_deliveries
                SET user_id = NULL
                WHERE id IN (SELECT record_id FROM user_link_audit WHERE run_id = @runId AND outcome = 'linked')
                """,
                new { runId })),
            (Ours, Linked, database => UndoAsync(database, runId)),
        };

        Console.WriteLine(
            $"{deliveries:N0} deliveries, {server.Data.Linkable:N0} links to take back; "
            + $"{runs} rounds, PostgreSQL {server.Version}, fsync on");
        var results = new Results();
        for (var run = 0; run < runs; run++)
        {
            foreach (var (name, template, work) in contenders)
            {
                await using var database = await server.CopyAsync(template);
                results.Add(name, server.Data.Linkable, await Measurement.TakeAsync(database, () => work(database)));
                if (name != Backfill && await database.LinksAsync() is var after && after != before)
                {
                    await Console.Error.WriteLineAsync($"{name} left {after}; before the backfill there were {before}.");
                    return 1;
                }

                await server.DropAsync(database);
            }
        }

        results.Print();
        Console.WriteLine($"Both left what was there before the backfill: {before}.");
        Results.PrintRatios(
            ("undo_to_bare", results.Seconds(Ours) / results.Seconds(Bare)),
            ("undo_to_backfill", results.Seconds(Ours) / results.Seconds(Backfill)),
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
            runId = await LinkAsync(database);
        }

        await server.RenameAsync(name, Linked);
        await server.VacuumAsync(Linked);
        return (runId, before);
    }

    private static async Task<Guid> LinkAsync(BenchmarkDatabase database)
    {
        await using var engine = await database.OpenEngineAsync();
        var run = await new UserLinkBackfill(engine).RunAsync(
            "message_deliveries", new RunOptions { Caller = "Benchmark" }, _ => { }, CancellationToken.None);
        return run.RunId!.Value;
    }

    private static async Task UndoAsync(BenchmarkDatabase database, Guid runId)
    {
        await using var engine = await database.OpenEngineAsync();
        await new UserLinkUndo(engine).UndoAsync(
            runId, allowRelink: false, new RunOptions { Caller = "Benchmark" }, _ => { }, CancellationToken.None);
    }
}
