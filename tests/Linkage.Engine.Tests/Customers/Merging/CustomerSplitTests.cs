using Linkage.Engine.Customers;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>What a split moves and what it makes.</summary>
public sealed class CustomerSplitTests
{
    private const string Rows =
        """
        INSERT INTO "Customer" (id, name, phone) VALUES ('a', 'Ann', '+1'), ('b', 'Bob', '+2');
        INSERT INTO "Lead" (id, customer_id, name, phone, email) VALUES
          ('l1', 'a', NULL, '+3', NULL), ('l2', 'a', 'Zoe', '+4', 'z@x'), ('l3', 'a', 'Ann', '+1', NULL), ('l4', 'b', 'Bob', '+2', NULL);
        INSERT INTO "Job" VALUES ('j1', 'l1', 'a', 'b'), ('j2', 'l2', 'b', 'a'), ('j3', 'l3', 'a', NULL), ('j4', NULL, 'a', NULL);
        INSERT INTO "CustomerAddress" (id, customer_id, label) VALUES ('x', 'a', 'home');
        """;

    [Fact]
    public async Task Moves_the_leads_and_what_follows_them_to_a_customer_made_from_them()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);

        var run = await scene.AssertExactAsync(() => scene.SplitAsync("a", ["l1", "l2"]));

        var made = run.Sample[0].GetProperty("customer").GetString();
        Assert.Equal((1, 4), (run.Count("created"), run.Count("moved")));
        Assert.Equal(
            "Zoe +3 z@x individual lead:l1 2 true",
            await scene.Database.ScalarAsync<string>(
                """
                SELECT concat_ws(
                  ' ', name, phone, email, metadata ->> 'groupType', metadata ->> 'groupKey', metadata ->> 'leadCount',
                  metadata ->> 'multipleLeads')
                FROM "Customer" WHERE id = @made
                """, new { made }));
        Assert.Equal(
            [$"l1 {made}", $"l2 {made}", "l3 a", "l4 b", $"j1 {made} b", $"j2 b {made}", "j3 a", "j4 a", "x a"],
            await scene.Database.QueryAsync<string>(
                """
                SELECT r.row FROM (
                  SELECT 1, id, concat_ws(' ', id, customer_id) FROM "Lead"
                  UNION ALL SELECT 2, id, concat_ws(' ', id, customer_id, billed_to) FROM "Job"
                  UNION ALL SELECT 3, id, concat_ws(' ', id, customer_id) FROM "CustomerAddress"
                ) AS r (table_number, id, row) ORDER BY r.table_number, r.id
                """));
    }

    [Fact]
    public async Task Makes_it_with_what_is_given()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);

        var run = await scene.SplitAsync("a", ["l2"], new NewCustomer("New", "", null));

        Assert.Equal(
            "New|none|z@x",
            await scene.Database.ScalarAsync<string>(
                """SELECT concat_ws('|', name, COALESCE(phone, 'none'), email) FROM "Customer" WHERE id = @made""",
                new { made = run.Sample[0].GetProperty("customer").GetString() }));
    }

    [Fact]
    public async Task What_is_given_and_does_not_fit_is_refused_and_what_a_lead_has_is_left_out()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        await scene.Database.ExecuteAsync("""ALTER TABLE "Customer" ALTER phone TYPE varchar(4)""");
        await scene.Database.ExecuteAsync("""UPDATE "Lead" SET phone = '+12345' WHERE id = 'l2'""");

        var fault = await scene.AssertRefusedAsync(
            "Linkage.Customer.Unusable", () => scene.SplitAsync("a", ["l1"], new NewCustomer(null, "+98765", null)));
        var run = await scene.SplitAsync("a", ["l2"]);

        Assert.Contains("+98765", fault.Message);
        Assert.Equal(
            "Zoe|none",
            await scene.Database.ScalarAsync<string>(
                """SELECT concat_ws('|', name, COALESCE(phone, 'none')) FROM "Customer" WHERE id = @made""",
                new { made = run.Sample[0].GetProperty("customer").GetString() }));
    }

    [Fact]
    public async Task It_has_from_the_customer_that_is_split_what_a_row_cant_be_without()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE "Customer" ADD team integer, ADD public_id uuid, ADD seen_at timestamptz, ADD note text;
            UPDATE "Customer" SET team = 7, public_id = gen_random_uuid(), seen_at = '2020-01-01', note = 'old';
            ALTER TABLE "Customer" ALTER team SET NOT NULL, ALTER public_id SET NOT NULL, ALTER seen_at SET NOT NULL, ADD UNIQUE (public_id);
            """);

        var run = await scene.SplitAsync("a", ["l2"]);

        Assert.Equal(
            "7 true true",
            await scene.Database.ScalarAsync<string>(
                """
                SELECT concat_ws(' ', team, (seen_at > '2020-01-01')::text, (public_id IS NOT NULL)::text, note)
                FROM "Customer" WHERE id = @made
                """, new { made = run.Sample[0].GetProperty("customer").GetString() }));
    }

    [Theory]
    [InlineData("a", "l4")]
    [InlineData("a", "nobody")]
    [InlineData("nobody", "l1")]
    public async Task A_lead_of_another_customer_is_refused(string customer, string lead)
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);

        await scene.AssertRefusedAsync("Linkage.Customer.Unusable", () => scene.SplitAsync(customer, ["l1", lead]));

        Assert.Equal(0, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.run"));
    }

    [Fact]
    public async Task A_customer_that_others_came_to_use_stays_when_the_split_is_undone()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var run = await scene.SplitAsync("a", ["l1"]);
        var made = run.Sample[0].GetProperty("customer").GetString();
        await scene.Database.ExecuteAsync("""INSERT INTO "CustomerAddress" (id, customer_id) VALUES ('new', @made)""", new { made });

        Assert.Equal(1, (await scene.UndoAsync(run, RunMode.Preview)).Count("conflicts"));
        var undo = await scene.UndoAsync(run);

        Assert.Equal(1, undo.Count("conflicts"));
        Assert.Equal("a", await scene.Database.ScalarAsync<string>("""SELECT customer_id FROM "Lead" WHERE id = 'l1'"""));
        Assert.Equal(1, await scene.Database.ScalarAsync<int>("""SELECT count(*) FROM "Customer" WHERE id = @made""", new { made }));
    }

    [Fact]
    public async Task A_preview_has_the_counts_of_the_split_and_writes_nothing()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var before = await scene.RowsAsync();

        var preview = await scene.SplitAsync("a", ["l1", "l2"], mode: RunMode.Preview);

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal((await scene.SplitAsync("a", ["l1", "l2"])).Counts.OrderBy(c => c.Key), preview.Counts.OrderBy(c => c.Key));
    }
}
