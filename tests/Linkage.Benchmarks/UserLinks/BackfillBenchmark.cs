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
    private const string OneWorker = "Invoke-UserLinkBackfill, 1 worker";
    private const string TwoWorkers = "Invoke-UserLinkBackfill, 2 workers";

    private static readonly Contender[] _contenders =
    [
        new(Bare, database => database.ExecuteAsync(SqlFiles.Read("bare_backfill.sql"))),
        new(Audited, database => database.ExecuteAsync(SqlFiles.Read("audited_backfill.sql"))),
        new(Loop, HandwrittenLoop.RunAsync) { Prepare = HandwrittenLoop.InstallAsync },
        new(OneWorker, database => LinkAsync(database, 1)),
        new(TwoWorkers, database => LinkAsync(database, 2)),
    ];

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(options.Rows);
        var conditions = $"{options.Rows:N0} deliveries, {server.Data.Unlinked:N0} without a user, {server.Data.Linkable:N0} linkable; "
            + $"{options.Runs} rounds, PostgreSQL {server.Version}, fsync on";
        Console.WriteLine(conditions);

        Dictionary<string, string> links = [];
        var results = await Contender.TakeTurnsAsync(
            server, options, _contenders, server.Data.Unlinked,
            async (contender, database) => links[contender.Name] = await database.LinksAsync());
        if (links.Values.Distinct().Count() > 1)
        {
            await Console.Error.WriteLineAsync(
                "The contenders did not link the same rows:\n" + string.Join('\n', links.Select(l => $"{l.Key}: {l.Value}")));
            return 1;
        }

        Console.WriteLine($"All contenders left the same links: {links.Values.First()}.");
        if (options.Docs is { } folder)
            await Report.WriteAsync(folder, "backfill", options.Rows, "Linking lost deliveries", conditions, results);
        Results.PrintRatios(
            ("two_workers_to_bare", results.Seconds(TwoWorkers) / results.Seconds(Bare)),
            ("one_worker_to_bare", results.Seconds(OneWorker) / results.Seconds(Bare)),
            ("one_worker_to_audited", results.Seconds(OneWorker) / results.Seconds(Audited)),
            ("loop_to_one_worker", results.Seconds(Loop) / results.Seconds(OneWorker)),
            ("loop_to_two_workers", results.Seconds(Loop) / results.Seconds(TwoWorkers)),
            ("cpu_one_worker_to_bare", results.ServerSeconds(OneWorker) / results.ServerSeconds(Bare)),
            ("cpu_one_worker_to_audited", results.ServerSeconds(OneWorker) / results.ServerSeconds(Audited)),
            ("cpu_two_workers_to_bare", results.ServerSeconds(TwoWorkers) / results.ServerSeconds(Bare)),
            ("cpu_loop_to_one_worker", results.ServerSeconds(Loop) / results.ServerSeconds(OneWorker)),
            ("wal_to_audited", results.Wal(OneWorker) / results.Wal(Audited)));
        return 0;
    }

    private static async Task LinkAsync(BenchmarkDatabase database, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        await new UserLinkBackfill(engine).RunAsync(
            "message_deliveries",
            new RunOptions { Caller = "Benchmark", Settings = new RunSettings { ThrottleLimit = workers } },
            _ => { },
            CancellationToken.None);
    }
}
