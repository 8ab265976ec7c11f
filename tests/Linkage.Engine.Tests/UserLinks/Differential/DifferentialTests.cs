using Linkage.Engine.Runs;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>
/// The rule for what links to whom exists once: however a delivery comes to be examined, a plain model of the specification agrees on
/// its outcome, rule, user and matched guest, and so does the audit.
/// </summary>
public sealed class DifferentialTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(KeyKind.Uuid, 20_000, true, true)]
    [InlineData(KeyKind.Uuid, 4_000, true, false)]
    [InlineData(KeyKind.Uuid, 1_000, false, true)]
    [InlineData(KeyKind.Bigint, 3_000, true, true)]
    [InlineData(KeyKind.Text, 3_000, true, true)]
    [InlineData(KeyKind.Partitioned, 2_000, true, true)]
    public async Task Every_way_to_a_link_agrees_with_the_model(KeyKind kind, int deliveries, bool linking, bool fallback)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var links = new RandomLinks(seed, kind, deliveries);
        var model = new LinkModel(linking, fallback, links.Users, links.Guests, links.Suppressed);
        await using var database = await RandomLinksDatabase.CreateAsync(links, kind, linking, fallback);
        var expected = new Expected(links.Deliveries, model);
        if (linking && fallback)
            expected.AssertVariety();

        await database.EmptyAsync();
        var rest = links.Deliveries.ToArray().AsMemory();
        while (rest.Length > 0)
        {
            var size = Math.Min(rest.Length, random.Next(3) == 0 ? 1 : random.Next(1, 1000));
            await database.InsertAsync(rest[..size].ToArray());
            rest = rest[size..];
        }

        await expected.AssertAsync(database, "trigger");

        await database.ResetAsync();
        var batchSize = random.Next(50, 900);
        while (await BatchAsync(database, batchSize, dryRun: false) == batchSize)
        {
        }

        await expected.AssertAsync(database, "backfill");

        await database.ResetAsync();
        expected.AssertCounts(await RunAsync(database, "linkage.user_link_work", RunMode.Preview, random));
        await expected.AssertUntouchedAsync(database);
        expected.AssertCounts(await RunAsync(database, "linkage.user_link_work", RunMode.DryRun, random));
        await expected.AssertAsync(database, "backfill", dryRun: true);

        await database.ResetAsync();
        var result = await RunAsync(database, "linkage.user_link_work", RunMode.Apply, random);
        expected.AssertCounts(result);
        await expected.AssertAsync(database, "backfill", result.RunId);

        await database.ResetAsync();
        result = await RunAsync(database, "linkage.user_link_work_by_key", RunMode.Apply, random);
        expected.AssertCounts(result);
        await expected.AssertAsync(database, "backfill", result.RunId);
    }

    private static async Task<long> BatchAsync(RandomLinksDatabase database, int size, bool dryRun) =>
        (await database.QueryAsync<long>(
            "SELECT processed_count FROM backfill_user_links('message_deliveries', @size, @dryRun)", new { size, dryRun })).Single();

    private static Task<RunResult> RunAsync(RandomLinksDatabase database, string work, RunMode mode, Random random) =>
        new RunEngine(database.Engine).RunAsync(
            new RunWork($"SELECT {work}('message_deliveries')::text"),
            new RunOptions { Mode = mode, BatchSize = random.Next(100, 1500), TargetWait = TimeSpan.Zero },
            _ => { }, CancellationToken.None);

    /// <summary>What the model says of every delivery.</summary>
    private sealed class Expected
    {
        private readonly Dictionary<string, string?> _before;
        private readonly Dictionary<string, Decision> _decisions;

        public Expected(IReadOnlyList<ModelDelivery> deliveries, LinkModel model)
        {
            _before = deliveries.ToDictionary(d => d.Key, d => d.User);
            _decisions = deliveries.Where(LinkModel.IsCandidate).ToDictionary(d => d.Key, model.Decide);
        }

        /// <summary>The data has in it what the test is about.</summary>
        public void AssertVariety()
        {
            string?[] rules = ["guest", "event phone", "user phone"];
            foreach (var rule in rules)
                Assert.Contains(_decisions.Values, d => d.Outcome == "linked" && d.Rule == rule);
            foreach (var rule in rules)
                Assert.Contains(_decisions.Values, d => d.Outcome == "no_match" && d.Rule == rule);
            foreach (var rule in rules[1..])
                Assert.Contains(_decisions.Values, d => d.Outcome == "ambiguous" && d.Rule == rule);
            foreach (var rule in rules.Append(null))
                Assert.Contains(_decisions.Values, d => d.Outcome == "skipped" && d.Rule == rule);
            Assert.Contains(_before.Values, user => user is not null);
        }

        public void AssertCounts(RunResult result)
        {
            Assert.Equal(_decisions.Count, result.Count("processed"));
            foreach (var outcome in (string[])["linked", "no_match", "ambiguous", "skipped"])
                Assert.Equal((outcome, _decisions.Values.Count(d => d.Outcome == outcome)), (outcome, result.Count(outcome)));
            Assert.Equal(_decisions.Values.Count(d => d is { Outcome: "skipped", Rule: not null }), result.Count("suppressed"));
        }

        public async Task AssertUntouchedAsync(RandomLinksDatabase database)
        {
            Assert.Empty(await database.AuditAsync());
            AssertSame(_before, await database.UsersOfDeliveriesAsync());
            Assert.Equal(0, (await database.QueryAsync<long>("SELECT count(*) FROM linkage.run")).Single());
        }

        public async Task AssertAsync(RandomLinksDatabase database, string source, Guid? run = null, bool dryRun = false)
        {
            var audit = await database.AuditAsync();
            Assert.All(audit, a => Assert.Equal(("message_deliveries", source, dryRun), (a.TableName, a.Source, a.DryRun)));
            if (run is not null)
                Assert.All(audit, a => Assert.Equal(run, a.RunId));
            Assert.Equal(_decisions.Count, audit.Count);
            AssertSame(_decisions, audit.ToDictionary(a => a.Key, a => a.Decision));
            AssertSame(
                _before.ToDictionary(b => b.Key, b => dryRun ? b.Value : b.Value ?? _decisions.GetValueOrDefault(b.Key)?.User),
                await database.UsersOfDeliveriesAsync());
        }

        /// <summary>Names the first few that differ: a diff of twenty thousand tells nothing.</summary>
        private static void AssertSame<T>(IReadOnlyDictionary<string, T> expected, IReadOnlyDictionary<string, T> actual)
        {
            Assert.Equal(expected.Count, actual.Count);
            Assert.Empty(expected
                .Where(e => !actual.TryGetValue(e.Key, out var value) || !Equals(value, e.Value))
                .Select(e => $"{e.Key}: expected {e.Value}, found {actual.GetValueOrDefault(e.Key)}")
                .Take(5));
        }
    }
}
