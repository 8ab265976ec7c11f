using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Customers;

/// <summary>Which customers are there already, and what can't be made.</summary>
public sealed class CustomerReuseTests
{
    [Theory]
    [InlineData("""{"groupKey": "phone:8725292148"}""", null, null)]
    [InlineData("""{"groupKey": "phone:+18725292148"}""", null, null)]
    [InlineData(null, "(872) 529-2148", null)]
    public async Task A_customer_with_the_groups_phone_is_reused_and_not_touched(string? metadata, string? phone, string? email)
    {
        await using var scene = await CustomerScene.CreateAsync();
        var known = await scene.AddAsync(new TestCustomer { Name = "Known", Metadata = metadata, Phone = phone, Email = email });
        await scene.AddAsync(scene.NewLead() with { Phone = "+1 872 529 2148" });
        var before = await scene.CustomersAsync();

        var result = await scene.BackfillAsync();

        Assert.Equal((0, 1), (result.Count("customers_created"), result.Count("customers_reused")));
        Assert.Equal(before, await scene.CustomersAsync());
        Assert.Equal(known.Id, (await scene.LeadsAsync())[0].CustomerId);
    }

    [Fact]
    public async Task Of_several_customers_the_key_counts_before_linked_leads_before_the_phone_and_the_oldest_before_younger_ones()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var byPhone = await scene.AddAsync(new TestCustomer { Name = "by phone", Phone = "8725292148" });
        var linked = await scene.AddAsync(new TestCustomer { Name = "linked" });
        var older = await scene.AddAsync(new TestCustomer { Name = "older", Metadata = """{"groupKey": "phone:8725292148"}""" });
        await scene.AddAsync(new TestCustomer { Name = "younger", Metadata = """{"groupKey": "phone:8725292148"}""" });
        var lead = await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" });
        await scene.AddAsync(scene.NewLead() with { Phone = "8725292148", CustomerId = linked.Id });

        Assert.Equal(older.Id, await NextAsync(scene, lead));
        await scene.Database.ExecuteAsync("UPDATE \"Customer\" SET metadata = NULL");
        Assert.Equal(linked.Id, await NextAsync(scene, lead));
        await scene.Database.ExecuteAsync("UPDATE \"Lead\" SET customer_id = NULL");
        Assert.Equal(byPhone.Id, await NextAsync(scene, lead));
    }

    [Fact]
    public async Task A_shared_phone_takes_no_lead_with_a_psid_to_another_customer()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(new TestCustomer { Name = "Known", Phone = "8725292148" });
        await scene.AddAsync(scene.NewLead() with { Psid = "1", Phone = "8725292148" }, scene.NewLead() with { Psid = "2", Phone = "8725292148" });

        Assert.Equal(2, (await scene.BackfillAsync()).Count("customers_created"));

        Assert.Equal(2, (await scene.GroupsAsync()).Count);
    }

    [Theory]
    [InlineData("000-000-0000")]
    [InlineData("1111111111")]
    [InlineData("none")]
    [InlineData("")]
    public async Task Placeholders_identify_nobody(string phone)
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(
            scene.NewLead() with { Phone = phone, Psid = "none" }, scene.NewLead() with { Phone = phone, Email = "test@test.com" },
            scene.NewLead() with { Email = "test@test.com" }, scene.NewLead() with { Email = "n/a", Psid = "0" });

        Assert.Equal(4, (await scene.BackfillAsync()).Count("groups_of_one"));

        Assert.All(await scene.CustomersAsync(), customer => Assert.Equal((null, null), (customer.Phone, customer.Email)));
    }

    [Theory]
    [InlineData("CREATE UNIQUE INDEX ON \"Customer\" (phone)")]
    [InlineData("ALTER TABLE \"Customer\" ADD UNIQUE (phone)")]
    [InlineData("CREATE UNIQUE INDEX ON \"Customer\" (phone); CREATE UNIQUE INDEX ON \"Customer\" (lower(email))")]
    public async Task Groups_that_would_have_the_same_unique_phone_are_one_whatever_the_batches(string index)
    {
        foreach (var batchSize in new[] { 1, 50 })
        {
            await using var scene = await CustomerScene.CreateAsync();
            await scene.Database.ExecuteAsync(index);
            await scene.AddAsync(
                scene.NewLead("younger") with { Phone = "872 529 2148", Email = "a@mail.example" }, scene.NewLead("psid") with { Psid = "1", Phone = "8725292148" },
                scene.NewLead() with { Psid = "2", Phone = "8725292148" }, scene.NewLead("apart") with { Phone = "8725292149" });

            var result = await scene.BackfillAsync(new RunOptions { BatchSize = batchSize, Settings = new() { ThrottleLimit = 2 } });

            Assert.Equal((2, 0), (result.Count("customers_created"), result.Count("failed_groups")));
            Assert.Equal([3, 1], (await scene.GroupsAsync()).Select(g => g.Count).OrderDescending());
            Assert.Equal("psid", (await scene.CustomersAsync()).Single(c => c.Phone == "+18725292148").Name);
        }
    }

    [Fact]
    public async Task A_phone_that_the_application_took_meanwhile_leads_to_its_customer()
    {
        await using var scene = await CustomerScene.CreateAsync();
        // It comes between the list and the first batch.
        await scene.Database.ExecuteAsync(
            """
            CREATE UNIQUE INDEX ON "Customer" (phone);
            CREATE FUNCTION be_faster() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF NEW.name <> 'faster' THEN
                INSERT INTO "Customer" (name, phone) VALUES ('faster', NEW.phone) ON CONFLICT DO NOTHING;
              END IF;
              RETURN NEW;
            END $$;
            CREATE TRIGGER be_faster BEFORE INSERT ON "Customer" FOR EACH ROW WHEN (NEW.phone IS NOT NULL) EXECUTE FUNCTION be_faster();
            """);
        await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" }, scene.NewLead());

        var result = await scene.BackfillAsync();

        Assert.Equal((1, 1, 2), (result.Count("customers_created"), result.Count("customers_reused"), result.Count("leads_linked")));
        await scene.UndoAsync(result);
        Assert.Equal("faster", Assert.Single(await scene.CustomersAsync()).Name);
    }

    [Fact]
    public async Task A_group_whose_customer_can_not_be_written_fails_and_the_others_do_not()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE \"Customer\" ADD CHECK (name <> 'Bad')");
        await scene.AddAsync(scene.NewLead("Good"), scene.NewLead("Bad"), scene.NewLead("Better"));

        var result = await scene.BackfillAsync();

        Assert.Equal((2, 2, 1), (result.Count("customers_created"), result.Count("leads_linked"), result.Count("failed")));
        Assert.Equal(["Better", "Good"], (await scene.CustomersAsync()).Select(c => c.Name).Order(StringComparer.Ordinal));
        Assert.Equal(2, (await scene.UndoAsync(result)).Count("rolled_back"));
    }

    [Fact]
    public async Task A_table_that_demands_what_nobody_knows_is_refused_before_there_is_a_run()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE \"Customer\" ADD COLUMN tenant int NOT NULL");
        await scene.AddAsync(scene.NewLead());

        var refused = await Assert.ThrowsAsync<LinkageException>(() => scene.BackfillAsync());

        Assert.Equal("Linkage.Customer.CannotBeMade", refused.ErrorId);
        Assert.Contains("tenant", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run"));
    }

    [Fact]
    public async Task Hostile_values_are_values()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Mapped);
        string[] texts = ["'; DROP TABLE x; --", "{c.key} {lead} %I $1 \\", "\"quoted\" 'name'", "naïve 名前 🙂", "a\nb\tc"];
        var leads = await scene.AddAsync(
            [.. texts.SelectMany(t => new[] { scene.NewLead(t) with { Email = "a" + t + "@x", Phone = t, Address = t }, scene.NewLead(t) with { Email = "x@mail.example" } })]);

        var result = await scene.BackfillAsync();

        Assert.Equal(leads.Count, result.Count("leads_linked"));
        Assert.Equal(texts.Order(StringComparer.Ordinal), (await scene.CustomersAsync()).Select(c => c.Name).Distinct().Order(StringComparer.Ordinal)!);
        await scene.UndoAsync(result);
        Assert.Empty(await scene.CustomersAsync());
    }

    private static async Task<string?> NextAsync(CustomerScene scene, TestLead lead)
    {
        var run = await scene.BackfillAsync();
        var customer = (await scene.LeadsAsync()).Single(l => l.Id == lead.Id).CustomerId;
        await scene.UndoAsync(run);
        return customer;
    }
}
