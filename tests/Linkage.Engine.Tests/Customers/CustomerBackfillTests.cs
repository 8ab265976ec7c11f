using System.Text.Json;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Customers;

public sealed class CustomerBackfillTests
{
    public static TheoryData<string> Shapes => ["uuid", "text", "bigint", "mapped"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Leads_and_jobs_get_the_customer_of_their_group(string shape)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Of(shape));
        var leads = await scene.AddAsync(
            scene.NewLead("First") with { Psid = "17", Phone = "(872) 529-2147" },
            scene.NewLead("Second") with { Psid = " 17 ", Email = "Ann@Mail.example" },
            scene.NewLead("Third") with { Phone = "8725292148", Email = "ann@mail.example" },
            scene.NewLead("Fourth") with { Phone = "+1 872 529 2148" },
            scene.NewLead("Fifth") with { Email = " BOB@mail.example" },
            scene.NewLead("Sixth") with { Email = "bob@Mail.Example" },
            scene.NewLead("Alone"));
        foreach (var lead in leads)
            await scene.AddJobAsync(lead);

        var result = await scene.BackfillAsync();

        Assert.Equal("completed", result.Status);
        Assert.Equal(
            Sorted([[leads[0].Id, leads[1].Id], [leads[2].Id, leads[3].Id], [leads[4].Id, leads[5].Id], [leads[6].Id]]), await scene.GroupsAsync());
        var customers = (await scene.LeadsAsync()).ToDictionary(l => l.Id, l => l.CustomerId);
        Assert.All(await scene.JobsAsync(), job => Assert.Equal(customers[job.LeadId!], job.CustomerId));
        Assert.Equal(
            (4, 0, 7, 0, 7, 0, 1, 1, 1, 1),
            (result.Count("customers_created"), result.Count("customers_reused"), result.Count("leads_linked"), result.Count("leads_already_linked"),
             result.Count("jobs_linked"), result.Count("jobs_already_linked"), result.Count("groups_by_psid"), result.Count("groups_by_phone"),
             result.Count("groups_by_email"), result.Count("groups_of_one")));
        var first = (await scene.CustomersAsync()).Single(c => c.Id == customers[leads[0].Id]);
        Assert.Equal(("First", "+18725292147", "ann@mail.example"), (first.Name, first.Phone, first.Email));
        var metadata = JsonDocument.Parse(first.Metadata!).RootElement;
        Assert.Equal(
            ("psid", "psid:17", 2, true),
            (metadata.GetProperty("groupType").GetString(), metadata.GetProperty("groupKey").GetString(),
             metadata.GetProperty("leadCount").GetInt32(), metadata.GetProperty("multipleLeads").GetBoolean()));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_second_run_creates_and_links_nothing(string shape)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Of(shape));
        var leads = await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" }, scene.NewLead(), scene.NewLead() with { Psid = "9" });
        await scene.AddJobAsync(leads[0]);
        await scene.BackfillAsync();
        var before = await scene.RowsAsync();

        var again = await scene.BackfillAsync();

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal(
            (0, 0, 0, 3, 0, 1),
            (again.Count("customers_created"), again.Count("customers_reused"), again.Count("leads_linked"), again.Count("leads_already_linked"),
             again.Count("jobs_linked"), again.Count("jobs_already_linked")));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_preview_counts_the_same_and_writes_nothing(string shape)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Of(shape));
        var known = await scene.AddAsync(new TestCustomer { Name = "Known", Phone = "8725292148" });
        var leads = await scene.AddAsync(
            scene.NewLead() with { Phone = "8725292148" }, scene.NewLead(), scene.NewLead() with { Psid = "9" },
            scene.NewLead() with { Psid = "9", CustomerId = known.Id });
        foreach (var lead in leads)
            await scene.AddJobAsync(lead);
        var before = await scene.RowsAsync();

        var preview = await scene.BackfillAsync(new RunOptions { Mode = RunMode.Preview });

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Null(preview.RunId);
        var result = await scene.BackfillAsync();
        Assert.Equal(
            result.Counts.Where(c => c.Key is not ("failed_groups" or "leads_left_out")).OrderBy(c => c.Key, StringComparer.Ordinal),
            preview.Counts.OrderBy(c => c.Key, StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_dry_run_records_and_changes_nothing()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" }, scene.NewLead(), scene.NewLead() with { Psid = "9" });
        await scene.AddJobAsync(leads[0]);
        var before = await scene.RowsAsync();

        var result = await scene.BackfillAsync(new RunOptions { Mode = RunMode.DryRun });

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal((3, 3, 1), (result.Count("customers_created"), result.Count("leads_linked"), result.Count("jobs_linked")));
        Assert.Equal(3, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.customer_change WHERE dry_run AND outcome = 'created'"));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"Audit\""));
    }

    [Fact]
    public async Task Further_tables_follow_their_leads()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Mapped);
        var lead = await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" });
        await scene.AddJobAsync(lead);
        var conversation = await scene.AddOtherFollowerAsync(lead);

        var result = await scene.BackfillAsync();

        Assert.Equal(2, result.Count("jobs_linked"));
        Assert.Equal(
            (await scene.LeadsAsync())[0].CustomerId,
            await scene.Database.ScalarAsync<string>("SELECT \"customerId\"::text FROM conversations WHERE id = @id::uuid", new { id = conversation }));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task What_follows_a_lead_that_was_linked_before_is_linked(string shape)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Of(shape));
        var customer = await scene.AddAsync(new TestCustomer { Name = "Known" });
        var lead = await scene.AddAsync(scene.NewLead() with { CustomerId = customer.Id });
        await scene.AddJobAsync(lead);
        await scene.AddJobAsync(lead);

        var result = await scene.BackfillAsync();

        Assert.Equal((0, 0, 2), (result.Count("customers_created"), result.Count("leads_linked"), result.Count("jobs_linked")));
        Assert.All(await scene.JobsAsync(), job => Assert.Equal(customer.Id, job.CustomerId));
    }

    [Fact]
    public async Task A_customers_phone_or_email_that_must_be_there_is_what_the_table_gives_else_empty()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """ALTER TABLE "Customer" ALTER phone SET DEFAULT 'none', ALTER phone SET NOT NULL, ALTER email SET NOT NULL""");
        await scene.AddAsync(new TestLead { Name = "Ann" }, new TestLead { Phone = "+16502530000" });

        var run = await scene.BackfillAsync();

        Assert.Equal((2, 0), (run.Count("customers_created"), run.Count("failed_groups")));
        Assert.Equal(
            [("none", ""), ("+16502530000", "")],
            (await scene.CustomersAsync()).OrderByDescending(customer => customer.Phone).Select(customer => (customer.Phone, customer.Email)));
    }

    [Fact]
    public async Task The_applications_audit_has_a_row_with_the_statistics()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead() with { Psid = "1" }, scene.NewLead() with { Psid = "1" }, scene.NewLead());

        var result = await scene.BackfillAsync();

        var (action, payload) = (await scene.Database.QueryAsync<(string, string)>("SELECT action, payload::text FROM \"Audit\"")).Single();
        var root = JsonDocument.Parse(payload).RootElement;
        Assert.Equal(("backfill_customers", result.RunId.ToString()), (action, root.GetProperty("runId").GetString()));
        var stats = root.GetProperty("stats").Deserialize<Dictionary<string, long>>()!;
        Assert.Equal((2, 3, 1, 1, 0), (stats["CustomersCreated"], stats["LeadsLinked"], stats["GroupsByPsid"], stats["GroupsOfOne"], stats["Errors"]));
    }

    private static IEnumerable<IEnumerable<string>> Sorted(string[][] groups) =>
        groups.Select(g => g.Order(StringComparer.Ordinal)).OrderBy(g => g.First(), StringComparer.Ordinal);
}
