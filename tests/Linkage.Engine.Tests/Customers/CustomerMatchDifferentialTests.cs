using Linkage.Engine.Customers;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Customers;

/// <summary>Random leads that share much group as a plain model says, in whatever order they came.</summary>
public sealed class CustomerMatchDifferentialTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("Priority", true)]
    [InlineData("Transitive", true)]
    [InlineData("Transitive", false)]
    public async Task Leads_group_as_the_model_says_in_any_order(string match, bool evidence)
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Text);
        for (var round = 0; round < 20; round++)
        {
            var how = new CustomerMatch(match, 2 + random.Next(8), evidence);
            var leads = NewLeads(random, 10 + random.Next(60));
            var decisions = await DecideAsync(scene, leads, random);
            var expected = new CustomerMatchModel(leads, decisions, how).Groups();
            for (var order = 0; order < 2; order++)
            {
                await scene.Database.ExecuteAsync("DELETE FROM \"Lead\"");
                await scene.AddAsync([.. leads.OrderBy(_ => random.Next())]);

                var groups = await new CustomerGroups(scene.Database.Engine).FindAsync(how, CancellationToken.None).ToListAsync();

                Assert.Equal(
                    expected,
                    groups.Select(group => string.Join(' ', group.LeadIds.Order(StringComparer.Ordinal))).Order(StringComparer.Ordinal));
                Assert.Equal(groups.Count, groups.Select(group => group.GroupKey).Distinct().Count());
                var explained = await new CustomerGroups(scene.Database.Engine).ExplainAsync(how, CancellationToken.None).ToListAsync();
                Assert.Equal(
                    groups.SelectMany(group => group.LeadIds.Select(id => (id, group.GroupKey))).Order(),
                    explained.Select(lead => (lead.LeadId, lead.GroupKey)).Order());
            }
        }
    }

    private static List<TestLead> NewLeads(Random random, int count)
    {
        var shared = 3 + (count / 4);
        T? Maybe<T>(double chance, Func<int, T> value) where T : class => random.NextDouble() < chance ? value(random.Next(shared)) : null;
        return [.. Enumerable.Range(0, count).Select(i => new TestLead
        {
            Id = $"l{i:D3}",
            Name = Maybe(0.7, n => n % 3 == 0 ? "Ann Lee" : "Bob Ray"),
            Psid = Maybe(0.25, n => $"psid {n}"),
            Phone = Maybe(0.5, n => $"+1312200{4100 + n}"),
            Email = Maybe(0.4, n => $"user{n}@example.org"),
            CreatedAt = new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(i),
        })];
    }

    // Those that contradict others are refused.
    private static async Task<List<(string A, string B, string Decision)>> DecideAsync(
        CustomerScene scene, List<TestLead> leads, Random random)
    {
        await scene.Database.ExecuteAsync("DELETE FROM linkage.customer_decision; DELETE FROM \"Lead\"");
        await scene.AddAsync(leads);
        var decisions = new CustomerDecisions(scene.Database.Engine);
        for (var i = random.Next(6); i > 0; i--)
        {
            try
            {
                await decisions.AddAsync(
                    leads[random.Next(leads.Count)].Id, leads[random.Next(leads.Count)].Id,
                    random.Next(2) == 0 ? "must-link" : "cannot-link",
                    reason: null, isPlan: false, CancellationToken.None);
            }
            catch (LinkageException fault) when (fault.Kind is FaultKind.Conflict or FaultKind.NotFound)
            {
            }
        }

        return await decisions.FindAsync(CancellationToken.None)
            .Select(decision => (decision.LeadA, decision.LeadB, decision.Decision))
            .ToListAsync();
    }
}
