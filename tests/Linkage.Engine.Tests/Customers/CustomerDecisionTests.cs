using Linkage.Engine.Customers;

namespace Linkage.Engine.Tests.Customers;

/// <summary>What somebody decided goes before every rule, in both ways to group; what contradicts itself is refused.</summary>
public sealed class CustomerDecisionTests
{
    public static TheoryData<string> Matches => new("Priority", "Transitive");

    [Theory]
    [MemberData(nameof(Matches))]
    public async Task Must_link_joins_what_shares_nothing_also_two_that_have_a_psid(string match)
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await scene.AddAsync(
            scene.NewLead() with { Psid = "1001" }, scene.NewLead() with { Psid = "1002" }, scene.NewLead() with { Psid = "1001" },
            scene.NewLead());
        await DecideAsync(scene, leads[0], leads[1], "must-link");

        var groups = await GroupsAsync(scene, match);

        AssertTogether(groups, leads[0], leads[1], leads[2]);
        AssertTogether(groups, leads[3]);
    }

    [Theory]
    [MemberData(nameof(Matches))]
    public async Task Cannot_link_parts_what_shares_an_identifier_and_what_is_neutral_stays_together(string match)
    {
        await using var scene = await CustomerScene.CreateAsync();
        var phone = "+13122004718";
        var leads = await scene.AddAsync([.. Enumerable.Range(0, 4).Select(_ => scene.NewLead("John Smith") with { Phone = phone })]);
        await DecideAsync(scene, leads[0], leads[1], "cannot-link");

        var groups = await GroupsAsync(scene, match);

        AssertTogether(groups, leads[0]);
        AssertTogether(groups, leads[1]);
        AssertTogether(groups, leads[2], leads[3]);
        Assert.Equal(3, groups.Select(group => group.GroupKey).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Matches))]
    public async Task Decisions_hold_in_every_later_run(string match)
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await scene.AddAsync(
            scene.NewLead("Ann Lee") with { Phone = "+13122004718" }, scene.NewLead("Ann Lee") with { Phone = "+13122004718" });
        await DecideAsync(scene, leads[0], leads[1], "cannot-link");

        await scene.BackfillAsync(match: new CustomerMatch(match));
        var first = await scene.LeadsAsync();
        var again = await scene.BackfillAsync(match: new CustomerMatch(match));

        Assert.Equal(2, first.Select(lead => lead.CustomerId).Distinct().Count());
        Assert.DoesNotContain(first, lead => lead.CustomerId is null);
        Assert.Equal(0, again.Counts.GetValueOrDefault("customers_created"));
        Assert.Equal(first, await scene.LeadsAsync());
    }

    [Fact]
    public async Task A_contradiction_is_refused_with_its_chain()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Text);
        var leads = await scene.AddAsync(scene.NewLead(), scene.NewLead(), scene.NewLead(), scene.NewLead());
        await DecideAsync(scene, leads[0], leads[1], "must-link");
        await DecideAsync(scene, leads[2], leads[1], "must-link");

        var fault = await Assert.ThrowsAsync<LinkageException>(() => DecideAsync(scene, leads[2], leads[0], "cannot-link"));

        Assert.Equal("Linkage.CustomerDecision.Contradicts", fault.ErrorId);
        Assert.Contains($"{leads[0].Id} = {leads[1].Id} = {leads[2].Id}", fault.Message, StringComparison.Ordinal);

        await DecideAsync(scene, leads[3], leads[0], "cannot-link");
        fault = await Assert.ThrowsAsync<LinkageException>(() => DecideAsync(scene, leads[3], leads[2], "must-link"));
        Assert.Equal("Linkage.CustomerDecision.Contradicts", fault.ErrorId);
        Assert.Equal(3, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.customer_decision"));
    }

    [Fact]
    public async Task A_decision_about_no_lead_or_about_one_lead_is_refused_and_the_same_one_again_takes_the_new_reason()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await scene.AddAsync(scene.NewLead(), scene.NewLead());
        var decisions = new CustomerDecisions(scene.Database.Engine);

        foreach (var other in new[] { Guid.NewGuid().ToString(), "'); DROP TABLE x; --", "", leads[0].Id })
        {
            var fault = await Assert.ThrowsAsync<LinkageException>(
                () => decisions.AddAsync(leads[0].Id, other, "must-link", null, false, default));
            Assert.Equal("Linkage.CustomerDecision.NotFound", fault.ErrorId);
        }

        await DecideAsync(scene, leads[0], leads[1], "must-link");
        await decisions.AddAsync(leads[1].Id.ToUpperInvariant(), leads[0].Id, "must-link", "they said so", false, default);
        var kept = Assert.Single(await ListAsync(scene));
        Assert.Equal("they said so", kept.Reason);

        await decisions.RemoveAsync(leads[1].Id, leads[0].Id, isPlan: true, default);
        Assert.Single(await ListAsync(scene));
        await decisions.RemoveAsync(leads[1].Id, leads[0].Id, isPlan: false, default);
        Assert.Empty(await ListAsync(scene));
        await Assert.ThrowsAsync<LinkageException>(() => decisions.RemoveAsync(leads[1].Id, leads[0].Id, isPlan: false, default));
    }

    private static Task<CustomerDecision> DecideAsync(CustomerScene scene, TestLead lead, TestLead other, string decision) =>
        new CustomerDecisions(scene.Database.Engine).AddAsync(
            lead.Id, other.Id, decision, reason: null, isPlan: false, CancellationToken.None);

    private static async Task<IReadOnlyList<CustomerDecision>> ListAsync(CustomerScene scene) =>
        await new CustomerDecisions(scene.Database.Engine).FindAsync(CancellationToken.None).ToListAsync();

    private static async Task<IReadOnlyList<CustomerGroup>> GroupsAsync(CustomerScene scene, string match) =>
        await new CustomerGroups(scene.Database.Engine).FindAsync(new CustomerMatch(match), CancellationToken.None).ToListAsync();

    private static void AssertTogether(IReadOnlyList<CustomerGroup> groups, params TestLead[] leads) =>
        Assert.Contains(groups, group => group.LeadIds.Order().SequenceEqual(leads.Select(lead => lead.Id).Order()));
}
