using System.Globalization;
using Dapper;
using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;
using Npgsql;

namespace Linkage.Benchmarks.UniqueKeys;

/// <summary>
/// What it costs to find and remove duplicates, beside what a DBA would write by hand. All must leave the same messages, and all but the
/// bare DELETE, which takes attachments along, the same attachments of the same messages.
/// </summary>
internal static class DuplicatesBenchmark
{
    private const string Bare = "DELETE ... USING";
    private const string Repointing = "UPDATE of what refers and DELETE";
    private const string OneWorker = "Remove-DuplicateRecord with 1 worker";
    private const string TwoWorkers = "Remove-DuplicateRecord with 2 workers";

    private static readonly (string Name, Func<BenchmarkDatabase, Task> Remove)[] _contenders =
    [
        (Bare, database => database.ExecuteAsync(SqlFiles.Read("bare_removal.sql"))),
        (Repointing, database => database.ExecuteAsync(SqlFiles.Read("repointing_removal.sql"))),
        (OneWorker, database => RemoveAsync(database, 1)),
        (TwoWorkers, database => RemoveAsync(database, 2)),
    ];

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(connection => LoadAsync(connection, options.Rows), "UniqueKeys");
        var conditions = string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Rows:N0} messages, {options.Rows / 20:N0} of them duplicates, {options.Rows / 2:N0} attachments; {options.Runs} rounds, "
            + $"PostgreSQL {server.Version}, fsync on");
        Console.WriteLine(conditions);

        var results = new Results();
        Dictionary<string, string> messages = [];
        Dictionary<string, string> attachments = [];
        for (var run = 0; run < options.Runs; run++)
        {
            foreach (var (name, remove) in _contenders.Where(c => options.IsWanted(c.Name)))
            {
                await using var database = await server.CopyAsync(BenchmarkServer.Template);
                await RegisterAsync(database);
                results.Add(name, options.Rows / 20, await Measurement.TakeAsync(database, () => remove(database)));
                messages[name] = await database.ScalarAsync<string>(SqlFiles.Read("messages.sql"));
                attachments[name] = await database.ScalarAsync<string>(SqlFiles.Read("attachments.sql"));
                await server.DropAsync(database);
            }
        }

        results.Print();
        foreach (var (name, left) in messages)
            Console.WriteLine($"{name}: {left}, {attachments[name]}");
        if (messages.Values.Distinct().Count() > 1 || attachments.Where(a => a.Key != Bare).Select(a => a.Value).Distinct().Count() > 1)
        {
            await Console.Error.WriteLineAsync("The contenders left other rows.");
            return 1;
        }

        if (options.Docs is { } folder)
            await Report.WriteAsync(folder, "duplicates", options.Rows, "Removing duplicates", conditions, results);
        Results.PrintRatios(
            ("one_worker_to_bare", results.Seconds(OneWorker) / results.Seconds(Bare)),
            ("two_workers_to_bare", results.Seconds(TwoWorkers) / results.Seconds(Bare)),
            ("two_workers_to_repointing", results.Seconds(TwoWorkers) / results.Seconds(Repointing)),
            ("cpu_one_worker_to_bare", results.ServerSeconds(OneWorker) / results.ServerSeconds(Bare)),
            ("cpu_one_worker_to_repointing", results.ServerSeconds(OneWorker) / results.ServerSeconds(Repointing)));
        return 0;
    }

    private static async Task LoadAsync(NpgsqlConnection connection, int rows) =>
        await connection.ExecuteAsync(SqlFiles.Read("duplicates_data.sql"), new { rows = (long)rows }, commandTimeout: 0);

    private static async Task RegisterAsync(BenchmarkDatabase database)
    {
        await using var engine = await database.OpenEngineAsync();
        await new UniqueKeyRules(engine).RegisterAsync(
            new UniqueKeyRequest
            {
                Name = "message_external_id_idx", Table = "message", Keys = ["external_id"], Predicate = "external_id IS NOT NULL",
            },
            CancellationToken.None);
    }

    private static async Task RemoveAsync(BenchmarkDatabase database, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        await new DuplicateRemoval(engine).RunAsync(
            "message_external_id_idx",
            new RunOptions { Caller = "Benchmark", Settings = new RunSettings { ThrottleLimit = workers } },
            _ => { },
            CancellationToken.None);
    }
}
