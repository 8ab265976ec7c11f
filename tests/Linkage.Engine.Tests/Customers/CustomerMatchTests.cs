using Linkage.Engine.Customers;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Customers;

/// <summary>Which leads come together transitively, and which don't.</summary>
public sealed class CustomerMatchTests(ITestOutputHelper output)
{
    private const string Phone = "+13122004718";
    private const string Email = "someone@example.org";

    [Fact]
    public async Task A_psid_lead_with_a_phone_and_a_phone_only_lead_are_one()
    {
        await AssertGroupsAsync(
            [Lead("a", psid: "1", phone: "(312) 200-4718"), Lead("b", phone: Phone), Lead("c", phone: Phone, email: Email), Lead("d",
            email: "Someone@Example.org")],
            "abcd");
    }

    [Fact]
    public async Task Two_psids_never_come_together_by_an_identifier_and_those_without_stay_together()
    {
        await AssertGroupsAsync(
            [Lead("a", psid: "1", phone: Phone), Lead("b", psid: "2", phone: Phone), Lead("c", phone: Phone), Lead("d", phone: Phone)],
            "a", "b", "cd");
    }

    [Fact]
    public async Task Two_psids_never_come_together_by_a_chain()
    {
        await AssertGroupsAsync(
            [Lead("a", psid: "1", phone: Phone), Lead("b", phone: Phone, email: Email), Lead("c", psid: "2", email: Email)],
            "a", "b", "c");
    }

    [Fact]
    public async Task Leads_of_one_psid_are_one_whatever_they_are_called()
    {
        await AssertGroupsAsync([Lead("a", "John Smith", psid: "1"), Lead("b", "Mary Jones", psid: "1", phone: Phone)], "ab");
    }

    [Fact]
    public async Task An_identifier_of_too_many_records_joins_none_and_leads_of_one_psid_are_one_record()
    {
        var leads = Enumerable.Range(0, 4).Select(i => Lead($"{(char)('a' + i)}", phone: Phone)).ToList();

        await AssertGroupsAsync(leads, new CustomerMatch("Transitive", MaxShared: 3), "a", "b", "c", "d");
        await AssertGroupsAsync(leads, new CustomerMatch("Transitive", MaxShared: 4), "abcd");
        await AssertGroupsAsync(
            [.. leads.Take(2), .. Enumerable.Range(0, 5).Select(i => Lead($"p{i}", psid: "1", phone: Phone))],
            new CustomerMatch("Transitive", MaxShared: 3), "abp0p1p2p3p4");
    }

    [Fact]
    public async Task Placeholders_join_nobody()
    {
        await AssertGroupsAsync(
            [
                Lead("a", phone: "0000000000"), Lead("b", phone: "000-000-0000"), Lead("c", email: "none"), Lead("d", email: "none"),
                Lead("e", email: "test@example.com"), Lead("f", email: "test@example.com"), Lead("g", phone: "1111111111"), Lead("h",
                phone: "1111111111"),
            ],
            "a", "b", "c", "d", "e", "f", "g", "h");
    }

    [Theory]
    [InlineData("John Smith", "Smith, John", true)]
    [InlineData("John Smith", "Mr. J. Smith", true)]
    [InlineData("Bob Smith", "Robert A. Smith", true)]
    [InlineData("John Smith", "Jhon Smith", true)]
    [InlineData("John Smith", null, true)]
    [InlineData("John Smith", "Facebook User", true)]
    [InlineData("José Núñez", "JOSE NUNEZ", true)]
    [InlineData("Søren Müller", "Soren Mueller", true)]
    [InlineData("O'Brien, Pat", "Patricia O’Brien", true)]
    [InlineData("Acme Plumbing, Inc.", "ACME Plumbing", true)]
    [InlineData("Y.M.C.A. of Chicago", "YMCA Chicago", true)]
    [InlineData("Иван Петров", "ПЕТРОВ, Иван", true)]
    [InlineData("王伟", "Wang Wei", true)]
    [InlineData("فيصل صديقي", "Faisal Siddiqui", true)]
    [InlineData("John Smith", "Mary Smith", false)]
    [InlineData("John A Smith", "John B Smith", false)]
    [InlineData("David Dobbins Jr", "David Dobbins Senior", false)]
    [InlineData("Martin Lopez", "Martina Lopez", false)]
    [InlineData("Lincoln School 12", "Lincoln School 14", false)]
    [InlineData("Acme Plumbing", "Zenith Law Offices", false)]
    [InlineData("王伟", "李娜", false)]
    public async Task A_shared_phone_joins_only_whose_names_do_not_contradict(string one, string? other, bool together)
    {
        await AssertGroupsAsync([Lead("a", one, phone: Phone), Lead("b", other, phone: Phone)], together ? ["ab"] : ["a", "b"]);
    }

    [Fact]
    public async Task Without_evidence_a_shared_phone_joins_whatever_the_names_are()
    {
        await AssertGroupsAsync(
            [Lead("a", "John Smith", phone: Phone), Lead("b", "Mary Jones", phone: Phone)], new CustomerMatch("Transitive",
            Evidence: false), "ab");
    }

    [Fact]
    public async Task What_fits_two_who_contradict_each_other_stays_alone_and_what_fits_one_joins_it()
    {
        await AssertGroupsAsync(
            [Lead("a", "John Smith", phone: Phone), Lead("b", "Jane Smith", phone: Phone), Lead("c", "J. Smith", phone: Phone), Lead("d",
            "John Smith", phone: Phone)],
            "ad", "b", "c");
        await AssertGroupsAsync(
            [Lead("a", "John Smith", phone: Phone), Lead("b", "Mary Jones", phone: Phone), Lead("c", "J. Smith", phone: Phone)], "ac", "b");
    }

    [Fact]
    public async Task A_chain_whose_ends_contradict_each_other_joins_only_what_agrees()
    {
        await AssertGroupsAsync(
            [Lead("a", "John Smith", phone: Phone), Lead("b", "Smith", phone: Phone, email: Email), Lead("c", "Jane Smith",
            email: Email)], "a", "b", "c");
    }

    [Fact]
    public async Task Branches_of_a_business_are_told_apart_by_their_addresses_and_people_who_moved_are_not()
    {
        await AssertGroupsAsync(
            [
                Lead("a", "Sunrise Bakery", phone: Phone, address: "12 Main Street, Springfield IL 60601"),
                Lead("b", "Sunrise Bakery Inc", phone: Phone, address: "980 N. Oak Ave."),
                Lead("c", "The Sunrise Bakery", phone: Phone, address: "12 Main St"),
                Lead("d", "Ann Lee", phone: "+13122004719", address: "12 Main Street"), Lead("e", "Ann Lee", phone: "+13122004719",
                address: "980 N. Oak Ave."),
            ],
            "ac", "b", "de");
    }

    [Fact]
    public async Task The_explanation_names_what_joined_a_lead_and_what_was_refused_and_why()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Text);
        await scene.AddAsync(
            Lead("a", "John Smith", psid: "1", phone: Phone), Lead("b", "Mary Jones", phone: Phone, email: Email), Lead("c", "Mary Jones",
            email: Email),
            Lead("d", "John Smith", psid: "2", phone: Phone));

        var explained = await new CustomerGroups(scene.Database.Engine).ExplainAsync(new CustomerMatch("Transitive"), CancellationToken.None)
            .ToDictionaryAsync(lead => lead.LeadId);

        Assert.Equal($"email:{Email}", explained["b"].Via);
        Assert.Equal(explained["b"].GroupKey, explained["c"].GroupKey);
        Assert.Equal("psid:1", explained["a"].Via);
        Assert.Contains("PSID", Assert.Single(explained["a"].Refused), StringComparison.Ordinal);
        Assert.StartsWith($"phone:{Phone}: lead a is somebody else: John Smith", Assert.Single(explained["b"].Refused), StringComparison.Ordinal);
        Assert.Empty(explained["c"].Refused);
    }

    [Fact]
    public async Task What_is_shared_by_two_is_the_key_of_neither_so_that_later_leads_do_not_fall_to_the_wrong_one()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Text);
        await scene.AddAsync(Lead("a", "John Smith", phone: Phone));
        await scene.BackfillAsync(match: new CustomerMatch("Transitive"));
        await scene.AddAsync(Lead("b", "Mary Jones", phone: Phone), Lead("c", "Smith, John", phone: Phone));

        await scene.BackfillAsync(match: new CustomerMatch("Transitive"));
        var again = await scene.BackfillAsync(match: new CustomerMatch("Transitive"));

        var customers = (await scene.LeadsAsync()).ToDictionary(lead => lead.Id, lead => lead.CustomerId);
        Assert.Equal(customers["a"], customers["c"]);
        Assert.NotNull(customers["b"]);
        Assert.NotEqual(customers["a"], customers["b"]);
        Assert.Equal(0, again.Counts.GetValueOrDefault("customers_created"));
        Assert.Equal(0, again.Counts.GetValueOrDefault("leads_linked"));
    }

    [Fact]
    public async Task Hostile_names_and_addresses_group_like_any_other()
    {
        string[] texts =
        [
            "'); DROP TABLE \"Lead\"; --", "%s%I%L $1", "{l.key} {1}", "\\", "\"", "{a,NULL,\"b\"}", "NULL", new string('x', 5000),
            string.Join(' ', Enumerable.Range(0, 90)),
            "\u202Eabc", "\U0001F468\u200D\U0001F469", "line\nline", "~junior", "~business", "#12", "İstanbul ẞ", "\u0301\u0301", ",,,",
            "@", "a b c d e f g h",
        ];
        List<TestLead> leads = [.. texts.Select((text, i) => Lead($"a{i:D2}", text, phone: Phone, address: text))];
        leads.AddRange(texts.Select((text, i) => Lead($"b{i:D2}", text, email: $"user{i}@example.org", address: text)));
        leads.AddRange(texts.Select((text, i) => Lead($"c{i:D2}", text, email: $"user{i}@example.org", address: text)));

        var groups = await GroupsAsync(leads, new CustomerMatch("Transitive", MaxShared: 100));

        Assert.Equal(leads.Count, groups.Sum(group => group.Count));
        for (var i = 0; i < texts.Length; i++)
            Assert.Contains(groups, group => group.Contains($"b{i:D2}") && group.Contains($"c{i:D2}"));
    }

    private async Task AssertGroupsAsync(IReadOnlyList<TestLead> leads, params string[] expected) =>
        await AssertGroupsAsync(leads, new CustomerMatch("Transitive"), expected);

    // Whatever the order is in which the leads came.
    private async Task AssertGroupsAsync(IReadOnlyList<TestLead> leads, CustomerMatch match, params string[] expected)
    {
        var random = new Random(TestSeed.Next(output));
        var groups = await GroupsAsync([.. leads.OrderBy(_ => random.Next())], match);
        Assert.Equal(expected.Order(StringComparer.Ordinal), groups.Select(group => string.Concat(group)).Order(StringComparer.Ordinal));
    }

    private static async Task<IReadOnlyList<IReadOnlyList<string>>> GroupsAsync(IReadOnlyList<TestLead> leads, CustomerMatch match)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Text);
        await scene.AddAsync(leads);
        return await new CustomerGroups(scene.Database.Engine).FindAsync(match, CancellationToken.None)
            .Select(group => (IReadOnlyList<string>)[.. group.LeadIds.Order(StringComparer.Ordinal)])
            .ToListAsync();
    }

    private static TestLead Lead(
        string id, string? name = null, string? psid = null, string? phone = null, string? email = null, string? address = null) =>
        new() { Id = id, Name = name, Psid = psid, Phone = phone, Email = email, Address = address };
}
