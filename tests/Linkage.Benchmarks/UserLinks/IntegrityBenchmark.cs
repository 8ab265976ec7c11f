using System.Diagnostics;
using System.Globalization;
using Dapper;
using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Linkage.Engine.Sandbox;
using Linkage.Engine.Schema;
using Linkage.Engine.UserLinks;
using Npgsql;

namespace Linkage.Benchmarks.UserLinks;

/// <summary>
/// How long the checks of Test-DeliveryIntegrity take on a table of which 1 % is unlinked and a tenth of that inconsistent, with the
/// indexes, statistics and visibility map of a live one; beside the counts that a DBA writes. Nothing is written, so all take turns on
/// one database. The first turn is told apart: it finds the server's cache empty, though perhaps not the operating system's.
/// </summary>
internal static class IntegrityBenchmark
{
    private const string Whole = "all checks";
    private const string Rate = "DeliveryInconsistencyRate";
    private const string Activity = "TriggerSuccessRate";
    private const string RateByHand = "whole-table count by hand";
    private const string ActivityByHand = "count of the audit's last day by hand";

    // Loading writes no log, and nothing comes and goes by itself. Compiling (JIT) helps nobody here.
    private static readonly Dictionary<string, string> _settings = new()
    {
        ["shared_buffers"] = "1GB",
        ["max_wal_size"] = "16GB",
        ["wal_level"] = "minimal",
        ["max_wal_senders"] = "0",
        ["maintenance_work_mem"] = "512MB",
        ["autovacuum"] = "off",
        ["jit"] = "off",
    };

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await PostgresSandbox.StartAsync(new SandboxOptions { Settings = _settings }, CancellationToken.None);
        await LoadAsync(server, options.Rows);
        await server.RestartAsync();
        await using var engine = await LinkageDatabase.OpenAsync(server.ConnectionString, CancellationToken.None);
        await using var connection = await OpenAsync(server);

        var times = new Dictionary<string, List<double>>();
        (long Deliveries, long Inconsistent) byHand = default;
        CheckResult? rate = null;
        for (var run = 0; run <= options.Runs; run++)
        {
            rate = await CheckAsync(engine, times);
            await TimeAsync(times, RateByHand, async () =>
                byHand = await connection.QuerySingleAsync<(long, long)>(SqlFiles.Read("integrity_by_hand.sql")));
            await TimeAsync(times, ActivityByHand, () => connection.QueryAsync(SqlFiles.Read("activity_by_hand.sql")));
        }

        var unlinked = await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NULL");
        var found = (long)rate!.Details["Inconsistent"]! + (long)rate.Details["Suppressed"]!;
        if (found != byHand.Inconsistent)
        {
            await Console.Error.WriteLineAsync($"The check found {found} inconsistent or suppressed deliveries, the count {byHand.Inconsistent}.");
            return 1;
        }

        var conditions = Invariant($"{options.Rows:N0} deliveries, {unlinked:N0} unlinked, {rate.Details["Inconsistent"]:N0} inconsistent, ")
            + Invariant($"as many audit rows; {options.Runs} rounds after the first, PostgreSQL {server.ServerVersion}");
        var table = ToMarkdown(times);
        Console.WriteLine(conditions);
        Console.WriteLine(table);
        if (options.Docs is { } folder)
            await WriteAsync(folder, options.Rows, conditions, table);
        Results.PrintRatios(
            ("all_ms", Warm(times[Whole])),
            ("rate_ms", Warm(times[Rate])),
            ("rate_by_hand", Warm(times[RateByHand]) / Warm(times[Rate])),
            ("activity_ms", Warm(times[Activity])),
            ("activity_by_hand", Warm(times[ActivityByHand]) / Warm(times[Activity])));
        return 0;
    }

    /// <summary>Each check costs what passes until it is there; those that share a query are charged to the first of them.</summary>
    private static async Task<CheckResult> CheckAsync(LinkageDatabase engine, Dictionary<string, List<double>> times)
    {
        CheckResult? rate = null;
        var start = Stopwatch.GetTimestamp();
        var last = start;
        await foreach (var check in new DeliveryIntegrity(engine).CheckAsync(new(), CancellationToken.None))
        {
            var now = Stopwatch.GetTimestamp();
            Add(times, check.Check, Stopwatch.GetElapsedTime(last, now));
            last = now;
            rate ??= check;
            if (check.Status == CheckStatus.Unknown)
                throw new InvalidOperationException($"{check.Check}: {check.Message}");
        }

        Add(times, Whole, Stopwatch.GetElapsedTime(start));
        return rate!;
    }

    private static async Task LoadAsync(PostgresSandbox server, int rows)
    {
        await using var connection = await OpenAsync(server);
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await StepAsync("tables", () => ApplicationSchema.CreateTablesAsync(connection, CancellationToken.None));
            await StepAsync("deliveries", () => LoadAsync(connection, "integrity_data.sql", rows));
            await StepAsync("keys and indexes", () => ApplicationSchema.CreateConstraintsAsync(connection, CancellationToken.None));
            await transaction.CommitAsync();
        }

        await StepAsync("Linkage", async () =>
        {
            await connection.ExecuteAsync("ANALYZE;", commandTimeout: 0);
            await using var database = await LinkageDatabase.OpenAsync(server.ConnectionString, CancellationToken.None);
            var installer = new SchemaInstaller(database);
            await installer.ApplyAsync(await installer.PlanAsync([], CancellationToken.None), _ => { }, null, CancellationToken.None);
        });
        await StepAsync("audit", () => LoadAsync(connection, "integrity_history.sql", rows));
        await StepAsync("vacuum", () => connection.ExecuteAsync("VACUUM (ANALYZE)", commandTimeout: 0));
    }

    private static Task<int> LoadAsync(NpgsqlConnection connection, string file, int rows) =>
        connection.ExecuteAsync(SqlFiles.Read(file), new { rows = (long)rows }, commandTimeout: 0);

    private static async Task StepAsync(string name, Func<Task> work)
    {
        var clock = Stopwatch.StartNew();
        await work();
        await Console.Error.WriteLineAsync(Invariant($"  {name}: {clock.Elapsed.TotalSeconds:F0} s"));
    }

    private static async Task<NpgsqlConnection> OpenAsync(PostgresSandbox server)
    {
        var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString) { CommandTimeout = 0, Pooling = false };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync();
        // What a DBA gives a large query.
        await connection.ExecuteAsync("SET work_mem = '256MB'");
        return connection;
    }

    private static async Task TimeAsync(Dictionary<string, List<double>> times, string name, Func<Task> work)
    {
        var start = Stopwatch.GetTimestamp();
        await work();
        Add(times, name, Stopwatch.GetElapsedTime(start));
    }

    private static void Add(Dictionary<string, List<double>> times, string name, TimeSpan time)
    {
        if (!times.TryGetValue(name, out var known))
            known = times[name] = [];
        known.Add(time.TotalMilliseconds);
    }

    private static double Warm(IEnumerable<double> times) => Results.Median(times.Skip(1));

    private static string ToMarkdown(Dictionary<string, List<double>> times) => string.Join(
        '\n',
        [
            "| check | median ms | fastest | slowest | first turn |",
            "|---|--:|--:|--:|--:|",
            .. times.Select(t => Invariant(
                $"| {t.Key} | {Warm(t.Value):F1} | {t.Value.Skip(1).Min():F1} | {t.Value.Skip(1).Max():F1} | {t.Value[0]:F1} |")),
        ]);

    private static async Task WriteAsync(string folder, int rows, string conditions, string table)
    {
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, $"integrity-{rows}.md"), $"""
            # Checking links

            {conditions}. Written by `dotnet run -c Release --project tests/Linkage.Benchmarks -- integrity --rows {rows} --docs docs/benchmarks`.

            Checks that share a query are charged to the first of them.

            {table}
            """.ReplaceLineEndings("\n") + "\n");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
