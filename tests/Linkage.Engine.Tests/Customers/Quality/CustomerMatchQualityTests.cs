using Linkage.Engine.Customers;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Customers.Quality;

/// <summary>How good each way to group is, on labelled data. docs/customer-matching.md has these figures.</summary>
public sealed class CustomerMatchQualityTests(ITestOutputHelper output)
{
    [Fact]
    public async Task People_and_companies_of_three_sources()
    {
        var scores = await ScoreAsync(LabelledData.TruthSet);

        // A mailbox of an authority stands at 21 of the records: by priority they are one.
        Assert.InRange(scores.Priority.Precision!.Value, 0.05, 0.2);
        Assert.True(scores.Evidence.Precision >= 0.94, $"precision {scores.Evidence.Precision}");
        Assert.True(scores.Evidence.Recall >= 0.14, $"recall {scores.Evidence.Recall}");
        Assert.True(scores.Evidence.F1 >= scores.Priority.F1);
    }

    [Fact]
    public async Task People_whose_names_are_full_of_slips_by_their_e_mails()
    {
        var scores = await ScoreAsync(LabelledData.Fake1000);

        Assert.Equal(1, scores.Priority.Precision);
        Assert.Equal(1, scores.Evidence.Precision);
        Assert.True(scores.Evidence.Recall >= 0.8 * scores.Transitive.Recall, $"recall {scores.Evidence.Recall}");
    }

    [Fact]
    public async Task Leads_of_families_buildings_agencies_and_branches_that_share_phones()
    {
        var scores = await ScoreAsync(new MessyLeads(TestSeed.Next(output), 600).All);

        Assert.True(scores.Priority.Precision < 0.5);
        Assert.True(scores.Evidence.Precision >= 0.95, $"precision {scores.Evidence.Precision}");
        Assert.True(scores.Evidence.Recall >= 0.70, $"recall {scores.Evidence.Recall}");
    }

    private async Task<(CustomerMatchScore Priority, CustomerMatchScore Transitive, CustomerMatchScore Evidence)> ScoreAsync(
        IReadOnlyList<LabelledLead> leads)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Text);
        await scene.AddAsync([.. leads.Select(lead => new TestLead
        {
            Id = lead.Id, Name = lead.Name, Phone = lead.Phone, Email = lead.Email, Address = lead.Address,
        })]);
        var labels = leads.ToDictionary(lead => lead.Id, lead => lead.Entity);

        async Task<CustomerMatchScore> Of(CustomerMatch match)
        {
            var score = await new CustomerMatchMeasure(scene.Database.Engine).ScoreAsync(labels, match, CancellationToken.None);
            output.WriteLine(
                $"{match.Match}, evidence {match.Evidence}: precision {score.Precision:F3}, recall {score.Recall:F3}, F1 {score.F1:F3}, "
                + $"{score.TruePairs} true pairs, {score.JoinedPairs} joined, {score.OverMerged} over-merged, {score.UnderMerged} under-merged");
            return score;
        }

        return (
            await Of(new CustomerMatch("Priority")),
            await Of(new CustomerMatch("Transitive", Evidence: false)),
            await Of(new CustomerMatch("Transitive")));
    }
}
