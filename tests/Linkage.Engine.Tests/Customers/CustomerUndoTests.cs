using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Customers;

/// <summary>What a backfill did is taken back exactly; what somebody used or changed since stays, and is reported.</summary>
public sealed class CustomerUndoTests
{
    [Theory]
    [InlineData("uuid")]
    [InlineData("text")]
    [InlineData("bigint")]
    [InlineData("mapped")]
    public async Task An_undo_restores_what_was_there_and_the_undo_of_the_undo_what_was_done(string shape)
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Of(shape));
        await FillAsync(scene);
        var before = await scene.RowsAsync();
        var run = await scene.BackfillAsync();
        var after = await scene.RowsAsync();

        var undo = await scene.UndoAsync(run, new RunOptions { BatchSize = 2 });

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal((0, 0), (undo.Count("conflicts"), undo.Count("unchanged")));
        Assert.Equal("undone", await scene.StatusAsync(run));
        var redo = await scene.UndoAsync(undo);
        Assert.Equal(after, await scene.RowsAsync());
        Assert.Equal(("completed", "undone"), (await scene.StatusAsync(run), await scene.StatusAsync(undo)));
        await scene.UndoAsync(redo);
        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal("undone", await scene.StatusAsync(run));
    }

    [Theory]
    [InlineData(RunMode.Preview)]
    [InlineData(RunMode.DryRun)]
    public async Task A_preview_and_a_dry_run_count_the_same_and_change_nothing(RunMode mode)
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await FillAsync(scene);
        var run = await scene.BackfillAsync();
        await MoveAsync(scene, leads[0]);
        var before = await scene.RowsAsync();

        var foreseen = await scene.UndoAsync(run, new RunOptions { Mode = mode });

        Assert.Equal(before, await scene.RowsAsync());
        var done = await scene.UndoAsync(run);
        Assert.Equal(Sorted(done), Sorted(foreseen));
        Assert.Equal(1, done.Count("conflicts"));
    }

    [Fact]
    public async Task A_lead_that_was_moved_since_stays_where_it_is()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await FillAsync(scene);
        var run = await scene.BackfillAsync();
        var other = await MoveAsync(scene, leads[0]);

        var undo = await scene.UndoAsync(run);

        Assert.Equal(1, undo.Count("conflicts"));
        Assert.Equal("partly undone", await scene.StatusAsync(run));
        Assert.Equal([other], (await scene.LeadsAsync()).Select(l => l.CustomerId).OfType<string>().Where(c => c == other));
    }

    [Fact]
    public async Task A_customer_that_others_came_to_use_stays_until_they_do_not_and_then_the_undo_is_finished()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var lead = await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" });
        var before = await scene.RowsAsync();
        var run = await scene.BackfillAsync();
        var customer = Assert.Single(await scene.CustomersAsync()).Id;
        var job = await scene.AddJobAsync(await scene.AddAsync(scene.NewLead("another")), customer);

        var undo = await scene.UndoAsync(run);

        Assert.Equal((1, 1), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Equal(customer, Assert.Single(await scene.CustomersAsync()).Id);
        Assert.Null((await scene.LeadsAsync()).Single(l => l.Id == lead.Id).CustomerId);
        Assert.Contains("\"Job\"", undo.Sample[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        await scene.Database.ExecuteAsync("DELETE FROM \"Job\" WHERE id = @job::uuid; DELETE FROM \"Lead\" WHERE name = 'another'", new { job });
        var rest = await scene.UndoAsync(run);
        Assert.Equal((1, 0), (rest.Count("rolled_back"), rest.Count("conflicts")));
        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal("undone", await scene.StatusAsync(run));
    }

    [Fact]
    public async Task A_customer_that_was_changed_since_stays()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead() with { Phone = "8725292148" }, scene.NewLead());
        var run = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync("UPDATE \"Customer\" SET name = 'Corrected' WHERE phone IS NOT NULL");

        var undo = await scene.UndoAsync(run);

        Assert.Equal("Corrected", Assert.Single(await scene.CustomersAsync()).Name);
        Assert.Equal((2, 1), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.All(await scene.LeadsAsync(), lead => Assert.Null(lead.CustomerId));
    }

    [Fact]
    public async Task A_column_that_was_added_since_is_no_change()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());
        var run = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE \"Customer\" ADD COLUMN points int NOT NULL DEFAULT 5");

        var undo = await scene.UndoAsync(run);

        Assert.Empty(await scene.CustomersAsync());
        await scene.UndoAsync(undo);
        Assert.Equal(5, await scene.Database.ScalarAsync<int>("SELECT points FROM \"Customer\""));
    }

    [Fact]
    public async Task Addresses_go_with_their_customer_and_return_with_it()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead(), scene.NewLead());
        var run = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync("INSERT INTO \"CustomerAddress\" (customer_id, street) SELECT id, 'Oak ' || name FROM \"Customer\"");
        var after = await scene.RowsAsync();

        var undo = await scene.UndoAsync(run);

        Assert.Equal(0, undo.Count("conflicts"));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"CustomerAddress\""));
        await scene.UndoAsync(undo);
        Assert.Equal(after, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_customer_whose_address_others_refer_to_stays_with_it()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());
        var run = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync(
            """
            CREATE TABLE delivery (address_id uuid REFERENCES "CustomerAddress");
            INSERT INTO "CustomerAddress" (customer_id) SELECT id FROM "Customer";
            INSERT INTO delivery SELECT id FROM "CustomerAddress";
            """);

        var undo = await scene.UndoAsync(run);

        Assert.Equal(1, undo.Count("conflicts"));
        Assert.Single(await scene.CustomersAsync());
        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"CustomerAddress\""));
    }

    [Fact]
    public async Task What_was_deleted_or_unlinked_since_is_left_so()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var leads = await scene.AddAsync(scene.NewLead() with { Psid = "1" }, scene.NewLead() with { Psid = "1" }, scene.NewLead());
        var run = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync(
            "DELETE FROM \"Lead\" WHERE id = @gone::uuid; UPDATE \"Lead\" SET customer_id = NULL WHERE id = @free::uuid",
            new { gone = leads[0].Id, free = leads[1].Id });

        var undo = await scene.UndoAsync(run);

        Assert.Equal((2, 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Empty(await scene.CustomersAsync());
        var redo = await scene.UndoAsync(undo);
        Assert.Equal(0, redo.Count("conflicts"));
        Assert.Null((await scene.LeadsAsync()).Single(l => l.Id == leads[1].Id).CustomerId);
    }

    [Fact]
    public async Task The_applications_audit_says_that_the_run_was_undone_until_the_undo_is()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());
        var run = await scene.BackfillAsync();
        const string Undone = "SELECT payload ? 'undoneAt' AND payload ? 'undoneBy' FROM \"Audit\"";

        var undo = await scene.UndoAsync(run);

        Assert.Equal([true], await scene.Database.QueryAsync<bool>(Undone));
        await scene.UndoAsync(undo);
        Assert.Equal([false], await scene.Database.QueryAsync<bool>(Undone));
    }

    /// <summary>Groups of each type, jobs, a customer that is reused, and a job that only follows.</summary>
    private static async Task<IReadOnlyList<TestLead>> FillAsync(CustomerScene scene)
    {
        var known = await scene.AddAsync(new TestCustomer { Name = "Known", Phone = "+18725292140" });
        var leads = await scene.AddAsync(
            scene.NewLead() with { Psid = "17", Phone = "8725292148" },
            scene.NewLead() with { Psid = "17" },
            scene.NewLead() with { Phone = "(872) 529-2140" },
            scene.NewLead() with { Email = "ann@mail.example" },
            scene.NewLead(),
            scene.NewLead() with { CustomerId = known.Id });
        foreach (var lead in leads)
            await scene.AddJobAsync(lead);
        return leads;
    }

    /// <summary>The application gives a lead another customer, which comes back.</summary>
    private static async Task<string> MoveAsync(CustomerScene scene, TestLead lead)
    {
        var other = await scene.AddAsync(new TestCustomer { Name = "Other" });
        await scene.Database.ExecuteAsync(
            "UPDATE \"Lead\" SET customer_id = @other::uuid WHERE id = @lead::uuid", new { other = other.Id, lead = lead.Id });
        return other.Id;
    }

    private static IEnumerable<KeyValuePair<string, long>> Sorted(RunResult result) =>
        result.Counts.OrderBy(c => c.Key, StringComparer.Ordinal);
}
