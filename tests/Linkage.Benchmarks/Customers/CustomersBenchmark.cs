using System.Globalization;
using Dapper;
using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Customers;
using Linkage.Engine.Runs;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Benchmarks.Customers;

/// <summary>
/// What it costs to give leads and jobs their customers, beside what a DBA would write by hand. By priority all contenders must put the
/// same leads together; joined transitively they must be the persons that the data was made of. The database has nothing of Linkage but
/// this.
/// </summary>
internal static class CustomersBenchmark
{
    private const string Bare = "INSERT ... SELECT and two UPDATEs";
    private const string Audited = "the same with a journal";
    private const string OneWorker = "Invoke-CustomerBackfill with 1 worker";
    private const string TwoWorkers = "Invoke-CustomerBackfill with 2 workers";
    private const string Transitive = "-Match Transitive with 2 workers";

    private static readonly Contender[] _contenders =
    [
        new(Bare, database => database.ExecuteAsync(SqlFiles.Read("bare_customers.sql"))),
        new(Audited, database => database.ExecuteAsync(SqlFiles.Read("audited_customers.sql"))),
        new(OneWorker, database => LinkAsync(database, "Priority", 1)),
        new(TwoWorkers, database => LinkAsync(database, "Priority", 2)),
        new(Transitive, database => LinkAsync(database, "Transitive", 2)),
    ];

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(connection => LoadAsync(connection, options.Rows), "Customers");
        var conditions = string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Rows:N0} leads and as many jobs; {options.Runs} rounds, PostgreSQL {server.Version}, fsync on");
        Console.WriteLine(conditions);

        Dictionary<string, string> links = [];
        var persons = "";
        var results = await Contender.TakeTurnsAsync(
            server, options, _contenders, options.Rows,
            async (contender, database) =>
            {
                links[contender.Name] = await database.ScalarAsync<string>(SqlFiles.Read("links.sql"));
                persons = await database.ScalarAsync<string>(SqlFiles.Read("persons.sql"));
            });
        if (Fault(links, persons) is { } fault)
        {
            await Console.Error.WriteLineAsync(fault);
            return 1;
        }

        foreach (var (name, found) in links)
            Console.WriteLine($"{name}: {found}");
        if (options.Docs is { } folder)
            await Report.WriteAsync(folder, "customers", options.Rows, "Giving leads and jobs their customers", conditions, results);
        Results.PrintRatios(
            ("one_worker_to_bare", results.Seconds(OneWorker) / results.Seconds(Bare)),
            ("two_workers_to_bare", results.Seconds(TwoWorkers) / results.Seconds(Bare)),
            ("one_worker_to_audited", results.Seconds(OneWorker) / results.Seconds(Audited)),
            ("transitive_to_bare", results.Seconds(Transitive) / results.Seconds(Bare)),
            ("cpu_one_worker_to_bare", results.ServerSeconds(OneWorker) / results.ServerSeconds(Bare)),
            ("cpu_two_workers_to_bare", results.ServerSeconds(TwoWorkers) / results.ServerSeconds(Bare)),
            ("cpu_one_worker_to_audited", results.ServerSeconds(OneWorker) / results.ServerSeconds(Audited)),
            ("cpu_transitive_to_bare", results.ServerSeconds(Transitive) / results.ServerSeconds(Bare)),
            ("wal_to_audited", results.Wal(OneWorker) / results.Wal(Audited)));
        return 0;
    }

    private static string? Fault(Dictionary<string, string> links, string persons)
    {
        var byPriority = links.Where(l => l.Key != Transitive).ToList();
        if (byPriority.Select(l => l.Value).Distinct().Count() > 1)
            return "The contenders left other links:\n" + string.Join('\n', byPriority.Select(l => $"{l.Key}: {l.Value}"));
        return links.TryGetValue(Transitive, out var joined) && joined != persons
            ? $"Joined transitively they are not the persons of the data:\n{joined}\n{persons}"
            : null;
    }

    private static async Task LoadAsync(NpgsqlConnection connection, int rows)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await CustomerSchema.CreateTablesAsync(connection, CancellationToken.None);
        await SandboxScript.ExecuteAsync(connection, "sample_functions.sql", CancellationToken.None);
        await connection.ExecuteAsync(SqlFiles.Read("customers_data.sql"), new { rows = (long)rows }, commandTimeout: 0);
        await SandboxScript.ExecuteAsync(connection, "sample_functions_end.sql", CancellationToken.None);
        await CustomerSchema.CreateConstraintsAsync(connection, CancellationToken.None);
        await transaction.CommitAsync();
    }

    private static async Task LinkAsync(BenchmarkDatabase database, string match, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        await new CustomerBackfill(engine).RunAsync(
            new CustomerMatch { Match = match },
            new RunOptions { Caller = "Benchmark", Settings = new RunSettings { ThrottleLimit = workers } },
            _ => { },
            CancellationToken.None);
    }
}
