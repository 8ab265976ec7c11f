using System.Globalization;
using Dapper;
using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;
using Npgsql;

namespace Linkage.Benchmarks.UniqueKeys;

/// <summary>
/// What it costs to find and remove duplicates, beside what a DBA would write by hand, and to bring them back. All must leave the same
/// messages, and all but the bare DELETE, which takes attachments along, the same attachments of the same messages; the undo those that
/// there were.
/// </summary>
internal static class DuplicatesBenchmark
{
    private const string Rule = "message_external_id_idx";
    private const string Bare = "DELETE ... USING";
    private const string Repointing = "UPDATE of what refers and DELETE";
    private const string OneWorker = "Remove-DuplicateRecord, 1 worker";
    private const string TwoWorkers = "Remove-DuplicateRecord, 2 workers";
    private const string Undo = "Undo-LinkageRun";

    private static readonly Contender[] _contenders =
    [
        new(Bare, database => database.ExecuteAsync(SqlFiles.Read("bare_removal.sql"))),
        new(Repointing, database => database.ExecuteAsync(SqlFiles.Read("repointing_removal.sql"))),
        new(OneWorker, database => RemoveAsync(database, 1)) { Prepare = RegisterAsync },
        new(TwoWorkers, database => RemoveAsync(database, 2)) { Prepare = RegisterAsync },
        new(Undo, UndoAsync) { Prepare = RegisterAndRemoveAsync },
    ];

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(connection => LoadAsync(connection, options.Rows), "UniqueKeys");
        var conditions = string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Rows:N0} messages, {options.Rows / 20:N0} of them duplicates, {options.Rows / 2:N0} attachments; {options.Runs} rounds, "
            + $"PostgreSQL {server.Version}, fsync on");
        Console.WriteLine(conditions);

        (string Messages, string Attachments) before;
        await using (var database = await server.CopyAsync(BenchmarkServer.Template))
            before = await RowsAsync(database);
        Dictionary<string, (string Messages, string Attachments)> left = [];
        var results = await Contender.TakeTurnsAsync(
            server, options, _contenders, options.Rows / 20,
            async (contender, database) => left[contender.Name] = await RowsAsync(database));
        foreach (var (name, (messages, attachments)) in left)
            Console.WriteLine($"{name}: {messages}, {attachments}");
        if (left.TryGetValue(Undo, out var undone) && undone != before
            || left.Where(l => l.Key != Undo).Select(l => l.Value.Messages).Distinct().Count() > 1
            || left.Where(l => l.Key is not (Undo or Bare)).Select(l => l.Value.Attachments).Distinct().Count() > 1)
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
            ("undo_to_one_worker", results.Seconds(Undo) / results.Seconds(OneWorker)),
            ("cpu_one_worker_to_bare", results.ServerSeconds(OneWorker) / results.ServerSeconds(Bare)),
            ("cpu_one_worker_to_repointing", results.ServerSeconds(OneWorker) / results.ServerSeconds(Repointing)),
            ("cpu_undo_to_one_worker", results.ServerSeconds(Undo) / results.ServerSeconds(OneWorker)));
        return 0;
    }

    private static async Task LoadAsync(NpgsqlConnection connection, int rows) =>
        await connection.ExecuteAsync(SqlFiles.Read("duplicates_data.sql"), new { rows = (long)rows }, commandTimeout: 0);

    private static async Task<(string Messages, string Attachments)> RowsAsync(BenchmarkDatabase database) => (
        await database.ScalarAsync<string>(SqlFiles.Read("messages.sql")),
        await database.ScalarAsync<string>(SqlFiles.Read("attachments.sql")));

    private static async Task RegisterAsync(BenchmarkDatabase database)
    {
        await using var engine = await database.OpenEngineAsync();
        await new UniqueKeyRules(engine).RegisterAsync(
            new UniqueKeyRequest { Name = Rule, Table = "message", Keys = ["external_id"], Predicate = "external_id IS NOT NULL" },
            CancellationToken.None);
    }

    private static async Task RegisterAndRemoveAsync(BenchmarkDatabase database)
    {
        await RegisterAsync(database);
        await RemoveAsync(database, 2);
    }

    private static async Task RemoveAsync(BenchmarkDatabase database, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        await new DuplicateRemoval(engine).RunAsync(Rule, With(workers), _ => { }, CancellationToken.None);
    }

    private static async Task UndoAsync(BenchmarkDatabase database)
    {
        await using var engine = await database.OpenEngineAsync();
        await new RunUndo(engine).UndoAsync(
            await database.ScalarAsync<Guid>("SELECT id FROM linkage.run"), allowRelink: false, With(1), _ => { }, CancellationToken.None);
    }

    private static RunOptions With(int workers) => new()
    {
        Caller = "Benchmark", Settings = new RunSettings { ThrottleLimit = workers },
    };
}
