using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>
/// The rule for what links to whom exists once: however a delivery comes to be examined, a plain model of the specification agrees on
/// its outcome, rule, user and matched guest, and so does the audit.
/// </summary>
public sealed class DifferentialTests(ITestOutputHelper output)
{
    public static TheoryData<string, int, bool, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, bool, bool>
            {
                { "message_deliveries, uuid", 20_000, true, true },
                { "message_deliveries, uuid", 4_000, true, false },
                { "message_deliveries, uuid", 1_000, false, true },
            };
            foreach (var shape in TargetShape.All.Skip(1))
                cases.Add(shape.Label, 2_500, true, true);
            return cases;
        }
    }

    public static TheoryData<string> Shapes => [.. TargetShape.All.Select(shape => shape.Label)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Every_way_to_a_link_agrees_with_the_model(string label, int deliveries, bool linking, bool fallback)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var shape = TargetShape.Named(label);
        var links = new RandomLinks(seed, shape, deliveries);
        var model = new LinkModel(linking, fallback, links.Users, links.Guests, links.Suppressed);
        await using var database = await RandomLinksDatabase.CreateAsync(links, shape, linking, fallback);
        var expected = new Expected(links.Deliveries, model);
        if (linking && fallback)
            expected.AssertVariety(shape);

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

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task What_was_linked_is_audited_once_and_undone_exactly(string label)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var shape = TargetShape.Named(label);
        var links = new RandomLinks(seed, shape, 1_500);
        await using var database = await RandomLinksDatabase.CreateAsync(links, shape, linking: true, fallback: true);
        await database.ResetAsync();
        var before = await database.UsersOfDeliveriesAsync();

        var run = await RunAsync(database, "linkage.user_link_work", RunMode.Apply, random);
        var linked = await database.UsersOfDeliveriesAsync();
        AssertSame(linked, await database.ReplayAsync(before));
        Assert.Equal(linked.Count(l => l.Value != before[l.Key]), run.Count("linked"));

        var undo = await UndoAsync(database, run.RunId!.Value, random);
        Assert.Equal((run.Count("linked"), 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        AssertSame(before, await database.UsersOfDeliveriesAsync());
        AssertSame(before, await database.ReplayAsync(before));

        // What was undone stays so, however often its record is examined or written.
        Assert.Equal(0, (await RunAsync(database, "linkage.user_link_work_by_key", RunMode.Apply, random)).Count("linked"));
        await database.TouchAsync();
        AssertSame(before, await database.UsersOfDeliveriesAsync());

        await UndoAsync(database, undo.RunId!.Value, random);
        AssertSame(linked, await database.UsersOfDeliveriesAsync());

        var since = (await database.QueryAsync<DateTime>("SELECT min(created_at) FROM user_link_audit")).Single();
        Assert.Equal(
            (run.Count("linked"), 0),
            (await database.QueryAsync<(long, long)>(
                "SELECT rolled_back_count, conflict_count FROM rollback_user_links(@since, @target, false)",
                new { since, target = database.Target })).Single());
        AssertSame(before, await database.UsersOfDeliveriesAsync());
        AssertSame(before, await database.ReplayAsync(before));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Listing_resolving_and_integrity_tell_the_same_as_the_model(string label)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var shape = TargetShape.Named(label);
        var links = new RandomLinks(seed, shape, 1_000);
        var model = new LinkModel(linking: true, fallback: true, links.Users, links.Guests, links.Suppressed);
        await using var database = await RandomLinksDatabase.CreateAsync(links, shape, linking: true, fallback: true);
        await database.ResetAsync();

        Dictionary<string, UnlinkedDelivery> unlinked = [];
        await foreach (var found in new UnlinkedDeliveries(database.Engine).FindAsync(shape.Sql, linkableOnly: false, CancellationToken.None))
            unlinked.Add(found.DeliveryId, found);
        var expected = links.Deliveries.Where(d => d.User is null).ToDictionary(d => d.Key, model.Decide);
        AssertSame(
            expected.ToDictionary(e => e.Key, e => (e.Value.Outcome, e.Value.Rule, e.Value.User)),
            unlinked.ToDictionary(u => u.Key, u => (u.Value.Outcome, u.Value.Rule, u.Value.UserId)));

        var resolver = new UserLinkResolver(database.Engine);
        foreach (var delivery in Enumerable.Range(0, 30).Select(_ => links.Deliveries[random.Next(links.Deliveries.Count)]))
        {
            var resolution = (await resolver.ResolveDeliveryAsync(database.Target, delivery.Key, CancellationToken.None))!;
            Assert.Equal(
                (delivery.Key, model.Decide(delivery).Outcome, model.Decide(delivery).User, delivery.User),
                (resolution.DeliveryId, resolution.Outcome, resolution.UserId, resolution.CurrentUserId));
            var story = await resolver.ExplainAsync(resolution, CancellationToken.None);
            Assert.Equal(
                resolution.Rule is { } rule && resolution.Outcome != "skipped" ? rule : story.SingleOrDefault(step => step.Decides)?.Rule,
                story.SingleOrDefault(step => step.Decides)?.Rule);
        }

        var check = await new DeliveryIntegrity(database.Engine)
            .CheckAsync(new DeliveryIntegrityOptions { Table = shape.Sql, Exact = true }, CancellationToken.None)
            .FirstAsync(c => c.Check == "DeliveryInconsistencyRate");
        var inconsistent = links.Deliveries.Count(d => d.User is null && model.GuestUser(d, shape.Guest is not null) is { } user && !model.IsSuppressed(d, user));
        Assert.NotEqual(0, inconsistent);
        Assert.Equal(100.0 * inconsistent / links.Deliveries.Count, check.Value!.Value, precision: 9);
        var estimated = await new DeliveryIntegrity(database.Engine)
            .CheckAsync(new DeliveryIntegrityOptions { Table = database.Target }, CancellationToken.None)
            .FirstAsync(c => c.Check == "DeliveryInconsistencyRate");
        Assert.Equal(check.Status, estimated.Status);
    }

    private static async Task<long> BatchAsync(RandomLinksDatabase database, int size, bool dryRun) =>
        (await database.QueryAsync<long>(
            "SELECT processed_count FROM backfill_user_links(@target, @size, @dryRun)", new { target = database.Target, size, dryRun })).Single();

    private static Task<RunResult> RunAsync(RandomLinksDatabase database, string work, RunMode mode, Random random) =>
        new RunEngine(database.Engine).RunAsync(
            new RunWork($"SELECT {work}(@target)::text", new { target = database.Target }),
            new RunOptions { Mode = mode, BatchSize = random.Next(100, 1500), TargetWait = TimeSpan.Zero },
            _ => { }, CancellationToken.None);

    private static Task<RunResult> UndoAsync(RandomLinksDatabase database, Guid run, Random random) =>
        new RunUndo(database.Engine).UndoAsync(
            run, allowRelink: false, new RunOptions { BatchSize = random.Next(100, 1500), TargetWait = TimeSpan.Zero }, _ => { },
            CancellationToken.None);

    /// <summary>Names the first few that differ: a diff of twenty thousand tells nothing.</summary>
    private static void AssertSame<T>(IReadOnlyDictionary<string, T> expected, IReadOnlyDictionary<string, T> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        Assert.Empty(expected
            .Where(e => !actual.TryGetValue(e.Key, out var value) || !Equals(value, e.Value))
            .Select(e => $"{e.Key}: expected {e.Value}, found {actual.GetValueOrDefault(e.Key)}")
            .Take(5));
    }

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
        public void AssertVariety(TargetShape shape)
        {
            string?[] rules = shape.Guest is null ? ["event phone", "user phone"] : ["guest", "event phone", "user phone"];
            foreach (var rule in rules)
                Assert.Contains(_decisions.Values, d => d.Outcome == "linked" && d.Rule == rule);
            foreach (var rule in rules)
                Assert.Contains(_decisions.Values, d => d.Outcome == "no_match" && d.Rule == rule);
            foreach (var rule in rules.Except(["guest"]))
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
            Assert.All(audit, a => Assert.Equal((database.Target, source, dryRun), (a.TableName, a.Source, a.DryRun)));
            if (run is not null)
                Assert.All(audit, a => Assert.Equal(run, a.RunId));
            Assert.Equal(_decisions.Count, audit.Count);
            AssertSame(_decisions, audit.ToDictionary(a => a.Key, a => a.Decision));
            AssertSame(
                _before.ToDictionary(b => b.Key, b => dryRun ? b.Value : b.Value ?? _decisions.GetValueOrDefault(b.Key)?.User),
                await database.UsersOfDeliveriesAsync());
        }
    }
}
