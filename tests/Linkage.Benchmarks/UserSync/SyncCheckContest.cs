using Dapper;
using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Database;

namespace Linkage.Benchmarks.UserSync;

/// <summary>
/// The daily check beside the two counts that a DBA writes. Nothing is written, so all take turns on one database, after a first turn that
/// is not counted. Both must find the same.
/// </summary>
internal sealed class SyncCheckContest(BenchmarkServer server, string template) : IContest
{
    private const string Ours = "linkage.user_sync_checks()";
    private const string ByHand = "two counts by hand";

    private readonly Timings _times = new();

    public IEnumerable<(string Name, double Value)> Ratios =>
    [
        ("check_ms", _times.Median(Ours)),
        ("check_to_by_hand", _times.Median(Ours) / _times.Median(ByHand)),
    ];

    public async Task<string?> RunAsync(int rounds)
    {
        await using var database = await server.CopyAsync(template);
        await using var engine = await database.OpenEngineAsync();
        (long Ghosts, long Orphans) found = default, byHand = default;
        // These turns are short: ten for one of the others.
        for (var round = 0; round <= 10 * rounds; round++)
        {
            if (round == 1)
                _times.Clear();
            await _times.TakeAsync(Ours, async () => found = await CheckAsync(engine));
            await _times.TakeAsync(
                ByHand, async () => byHand = await database.Connection.QuerySingleAsync<(long, long)>(SqlFiles.Read("check_by_hand.sql")));
        }

        return found == byHand ? null : $"The check found {found} ghosts and orphans, the counts {byHand}.";
    }

    public string ToMarkdown() => _times.ToMarkdown("one check");

    private static async Task<(long Ghosts, long Orphans)> CheckAsync(LinkageDatabase engine)
    {
        var checks = await engine.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<(string Name, decimal? Value)>("SELECT check_name, value FROM linkage.user_sync_checks()"),
            CancellationToken.None);
        var values = checks.ToDictionary(check => check.Name, check => (long)check.Value!.Value);
        return (values["GhostUsers"], values["OrphanedProfiles"]);
    }
}
