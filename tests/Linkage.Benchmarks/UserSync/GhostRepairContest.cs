using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Runs;
using Linkage.Engine.UserSync;

namespace Linkage.Benchmarks.UserSync;

/// <summary>Gives all ghosts their profile. All contenders must leave the same profiles.</summary>
internal sealed class GhostRepairContest(BenchmarkServer server, string template) : IContest
{
    private const string Bare = "INSERT ... SELECT, no log";
    private const string OneWorker = "Repair-GhostUser, 1 worker";
    private const string TwoWorkers = "Repair-GhostUser, 2 workers";

    private static readonly (string Name, Func<BenchmarkDatabase, Task> Repair)[] _contenders =
    [
        (Bare, database => database.ExecuteAsync(SqlFiles.Read("bare_repair.sql"))),
        (OneWorker, database => RepairAsync(database, 1)),
        (TwoWorkers, database => RepairAsync(database, 2)),
    ];

    private readonly Results _results = new();

    public IEnumerable<(string Name, double Value)> Ratios =>
    [
        ("repair_one_worker_to_bare", _results.Seconds(OneWorker) / _results.Seconds(Bare)),
        ("repair_two_workers_to_bare", _results.Seconds(TwoWorkers) / _results.Seconds(Bare)),
        ("repair_cpu_one_worker_to_bare", _results.ServerSeconds(OneWorker) / _results.ServerSeconds(Bare)),
        ("repair_cpu_two_workers_to_bare", _results.ServerSeconds(TwoWorkers) / _results.ServerSeconds(Bare)),
        ("repair_wal_to_bare", _results.Wal(OneWorker) / _results.Wal(Bare)),
    ];

    public async Task<string?> RunAsync(int rounds)
    {
        Dictionary<string, string> profiles = [];
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, repair) in _contenders)
            {
                await using var database = await server.CopyAsync(template);
                var before = await CountAsync(database);
                var turn = await Measurement.TakeAsync(database, () => repair(database));
                _results.Add(name, await CountAsync(database) - before, turn);
                profiles[name] = await UserSyncBenchmark.ProfilesAsync(database);
                await server.DropAsync(database);
            }
        }

        return profiles.Values.Distinct().Count() == 1
            ? null
            : "The contenders did not leave the same profiles:\n" + string.Join('\n', profiles.Select(p => $"{p.Key}: {p.Value}"));
    }

    public string ToMarkdown() => _results.ToMarkdown();

    private static Task<long> CountAsync(BenchmarkDatabase database) => database.ScalarAsync<long>("SELECT count(*) FROM public.users");

    private static async Task RepairAsync(BenchmarkDatabase database, int workers)
    {
        await using var engine = await database.OpenEngineAsync();
        await new GhostUserRepair(engine).RunAsync(
            accountIds: null,
            new RunOptions { Caller = "Benchmark", Settings = new RunSettings { ThrottleLimit = workers } },
            _ => { },
            CancellationToken.None);
    }
}
