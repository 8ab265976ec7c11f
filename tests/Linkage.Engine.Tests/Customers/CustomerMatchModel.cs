using Linkage.Engine.Customers;

namespace Linkage.Engine.Tests.Customers;

/// <summary>
/// Which leads are one person: the rules in plain sets and pairs, for leads whose names are equal, missing, or of nobody alike.
/// </summary>
internal sealed class CustomerMatchModel(
    IReadOnlyList<TestLead> leads, IReadOnlyList<(string A, string B, string Decision)> decisions, CustomerMatch match)
{
    /// <summary>The ids of each group's leads, in a stable order.</summary>
    public IReadOnlyList<string> Groups()
    {
        var transitive = match.Match == "Transitive";
        List<(int A, int B)> must = [], cannot = [], psids = [], agreed = [], possible = [];
        foreach (var (a, b, decision) in decisions)
            (decision == "must-link" ? must : cannot).Add((IndexOf(a), IndexOf(b)));
        for (var a = 0; a < leads.Count; a++)
        {
            for (var b = a + 1; b < leads.Count; b++)
            {
                if (leads[a].Psid is not null && leads[a].Psid == leads[b].Psid)
                    psids.Add((a, b));
                else if (Shares(leads[a], leads[b], transitive))
                    (Verdict(a, b) == 2 ? agreed : Verdict(a, b) == 1 ? possible : []).Add((a, b));
            }
        }

        var clusters = Join([.. Enumerable.Range(0, leads.Count)], must, [], withHolders: false);
        clusters = Join(clusters, psids, cannot, withHolders: false);
        clusters = Join(clusters, agreed, cannot, withHolders: true);
        var joined = Join(clusters, possible, cannot, withHolders: true);
        var tangled = (
            from a in Enumerable.Range(0, leads.Count)
            from b in Enumerable.Range(0, leads.Count)
            where joined[a] == joined[b] && clusters[a] != clusters[b] && Verdict(a, b) < 0
            select joined[a]).ToHashSet();
        joined = Join(
            clusters, [.. possible.Where(link => !tangled.Contains(joined[link.A]) && !tangled.Contains(joined[link.B]))], cannot,
            withHolders: true);
        return [.. Enumerable.Range(0, leads.Count)
            .GroupBy(i => joined[i], i => leads[i].Id)
            .Select(group => string.Join(' ', group.Order(StringComparer.Ordinal)))
            .Order(StringComparer.Ordinal)];
    }

    // By priority leads have one identifier each, and evidence counts nothing.
    private bool Shares(TestLead a, TestLead b, bool transitive) =>
        transitive
            ? (a.Phone is not null && a.Phone == b.Phone && !IsRefused(lead => lead.Phone == a.Phone))
                || (a.Email is not null && a.Email == b.Email && !IsRefused(lead => lead.Email == a.Email))
            : a.Psid is null && b.Psid is null
                && (a.Phone is not null ? a.Phone == b.Phone : b.Phone is null && a.Email is not null && a.Email == b.Email);

    private bool IsRefused(Predicate<TestLead> has) =>
        leads.Where(lead => has(lead)).Select(lead => lead.Psid ?? $"lead {lead.Id}").Distinct().Count() > match.MaxShared;

    private int Verdict(int a, int b) =>
        match.Match != "Transitive" || !match.Evidence || leads[a].Name is null || leads[b].Name is null ? 1
            : leads[a].Name == leads[b].Name ? 2
            : -1;

    // Components of clusters along links; of one in which two must stay apart, those along links between clusters that have the same opponents.
    private int[] Join(int[] clusters, List<(int A, int B)> links, List<(int A, int B)> apart, bool withHolders)
    {
        var joined = Unite(clusters, links);
        var opponents = clusters.Distinct().ToDictionary(cluster => cluster, _ => new SortedSet<int>());
        void Oppose(int a, int b)
        {
            if (joined[a] == joined[b] && clusters[a] != clusters[b])
            {
                opponents[clusters[a]].Add(clusters[b]);
                opponents[clusters[b]].Add(clusters[a]);
            }
        }

        foreach (var (a, b) in apart)
            Oppose(a, b);
        var holders = Enumerable.Range(0, leads.Count).Where(i => withHolders && leads[i].Psid is not null).ToList();
        foreach (var a in holders)
        {
            holders.ForEach(b => Oppose(a, b));
            // Who has a PSID among others who have one stands alone.
            if (holders.Exists(b => joined[a] == joined[b] && clusters[a] != clusters[b]))
                opponents[clusters[a]].Add(~clusters[a]);
        }

        var tangled = Enumerable.Range(0, leads.Count).Where(i => opponents[clusters[i]].Count > 0).Select(i => joined[i]).ToHashSet();
        return Unite(clusters, [.. links.Where(link =>
            !tangled.Contains(joined[link.A]) || opponents[clusters[link.A]].SetEquals(opponents[clusters[link.B]]))]);
    }

    private static int[] Unite(int[] clusters, IEnumerable<(int A, int B)> links)
    {
        var joined = clusters.ToArray();
        foreach (var (a, b) in links)
        {
            var (from, into) = (Math.Max(joined[a], joined[b]), Math.Min(joined[a], joined[b]));
            joined = [.. joined.Select(root => root == from ? into : root)];
        }

        return joined;
    }

    private int IndexOf(string id) => leads.Index().Single(lead => lead.Item.Id == id).Index;
}
