using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Benchmarks.UserLinks;

/// <summary>
/// What linking lost deliveries costs beside what a DBA would write by hand. All contenders have Linkage's triggers and indexes, and
/// must link the same rows to the same users.
/// </summary>
internal static class BackfillBenchmark
{
    private const string Bare = "UPDATE ... FROM, no audit";
    private const string Audited = "one statement with audit";
    private const string Loop = "PL/pgSQL loop with audit";
    private const string Ours = "Invoke-UserLinkBackfill";

    private static readonly (string Name, Func<BenchmarkDatabase, Task> Prepare, Func<BenchmarkDatabase, Task> Link)[] _contenders =
    [
        (Bare, _ => Task.CompletedTask, database => database.ExecuteAsync(SqlFiles.Read("bare_backfill.sql"))),
        (Audited, _ => Task.CompletedTask, database => database.ExecuteAsync(SqlFiles.Read("audited_backfill.sql"))),
        (Loop, HandwrittenLoop.InstallAsync, HandwrittenLoop.RunAsync),
        (Ours, _ => Task.CompletedTask, LinkAsync),
    ];

    public static async Task<int> RunAsync(int deliveries, int runs)
    {
        await using var server = await BenchmarkServer.StartAsync(deliveries);
        Console.WriteLine(
            $"{deliveries:N0} deliveries, {server.Data.Unlinked:N0} without a user, {server.Data.Linkable:N0} linkable; "
            + $"{runs} rounds, PostgreSQL {server.Version}, fsync on");

        var results = new Results();
        Dictionary<string, string> links = [];
        for (var run = 0; run < runs; run++)
        {
            foreach (var (name, prepare, link) in _contenders)
            {
                await using var database = await server.CopyAsync(BenchmarkServer.Template);
                await prepare(database);
                results.Add(name, server.Data.Unlinked, await Measurement.TakeAsync(database, () => link(database)));
                links[name] = await database.LinksAsync();
                await server.DropAsync(database);
            }
        }

        results.Print();
        if (links.Values.Distinct().Count() > 1)
        {
            await Console.Error.WriteLineAsync(
                "The contenders did not link the same rows:\n" + string.Join('\n', links.Select(l => $"{l.Key}: {l.Value}")));
            return 1;
        }

        Console.WriteLine($"All contenders left the same links: {links[Ours]}.");
        Results.PrintRatios(
            ("ours_to_bare", results.Seconds(Ours) / results.Seconds(Bare)),
            ("ours_to_audited", results.Seconds(Ours) / results.Seconds(Audited)),
            ("loop_to_ours", results.Seconds(Loop) / results.Seconds(Ours)),
            ("cpu_ours_to_bare", results.ServerSeconds(Ours) / results.ServerSeconds(Bare)),
            ("cpu_ours_to_audited", results.ServerSeconds(Ours) / results.ServerSeconds(Audited)),
            ("cpu_loop_to_ours", results.ServerSeconds(Loop) / results.ServerSeconds(Ours)),
            ("wal_to_audited", results.Wal(Ours) / results.Wal(Audited)));
        return 0;
    }

    private static async Task LinkAsync(BenchmarkDatabase database)
    {
        await using var engine = await database.OpenEngineAsync();
        await new UserLinkBackfill(engine).RunAsync(
            "message_deliveries", new RunOptions { Caller = "Benchmark" }, _ => { }, CancellationToken.None);
    }
}
