using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>What a merge moves, fills, removes and refuses, and how it looks afterwards.</summary>
public sealed class CustomerMergeTests
{
    private const string Rows =
        """
        INSERT INTO "Customer" (id, name, phone, email) VALUES
          ('a', 'Ann', '+1', NULL), ('b', '', '+2', 'b@x'), ('c', ' ', NULL, NULL), ('d', 'Dan', '+4', 'd@x');
        UPDATE "Customer" SET referred_by = 'a' WHERE id IN ('c', 'd');
        INSERT INTO "Lead" (id, customer_id) VALUES ('la', 'a'), ('lb', 'b'), ('lc', 'c'), ('ld', 'd');
        INSERT INTO "Job" VALUES ('ja', 'la', 'a', 'd'), ('jb', 'lb', 'b', 'a'), ('jd', 'ld', 'd', 'b');
        INSERT INTO "CustomerAddress" (id, customer_id, label, created_at) VALUES
          ('aa', 'a', 'home', '2024-01-01'), ('ab', 'b', 'home', '2024-01-03'), ('ac', 'c', 'home', '2024-01-02'),
          ('ax', 'a', 'work', '2024-01-01');
        INSERT INTO visit VALUES ('aa', 'first'), ('ab', 'second'), ('ac', 'third'), ('aa', 'same'), ('aa', 'same'), ('ac', 'same');
        """;

    [Fact]
    public async Task Moves_every_row_that_refers_to_the_merged_fills_what_is_missing_and_is_undone_exactly()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);

        var run = await scene.AssertExactAsync(() => scene.MergeAsync(["a", "b"], "c"));

        Assert.Equal((2, 3, 2), (run.Count("merged"), run.Count("filled"), run.Count("removed")));
        Assert.Equal(
            "Ann|+1|b@x|none",
            await scene.Database.ScalarAsync<string>(
                """SELECT concat_ws('|', name, phone, email, COALESCE(referred_by, 'none')) FROM "Customer" WHERE id = 'c'"""));
        Assert.Equal("c", await scene.Database.ScalarAsync<string>("""SELECT referred_by FROM "Customer" WHERE id = 'd'"""));
        Assert.Equal(
            ["la c", "lb c", "lc c", "ld d"],
            await scene.Database.QueryAsync<string>("""SELECT concat_ws(' ', id, customer_id) FROM "Lead" ORDER BY id"""));
        Assert.Equal(
            ["ja c d", "jb c c", "jd d c"],
            await scene.Database.QueryAsync<string>("""SELECT concat_ws(' ', id, customer_id, billed_to) FROM "Job" ORDER BY id"""));
        Assert.Equal(
            ["ac first", "ac same", "ac same", "ac same", "ac second", "ac third"],
            await scene.Database.QueryAsync<string>("SELECT concat_ws(' ', address_id, note) FROM visit ORDER BY 1"));
    }

    [Theory]
    [InlineData("KeepSurvivor", "ac")]
    [InlineData("KeepNewest", "ab")]
    public async Task Of_rows_that_clash_the_policy_says_which_stays(string policy, string kept)
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);

        await scene.AssertExactAsync(() => scene.MergeAsync(["a", "b"], "c", policy));

        Assert.Equal(
            [kept, "ax"],
            await scene.Database.QueryAsync<string>("""SELECT id FROM "CustomerAddress" WHERE customer_id = 'c' ORDER BY id"""));
        Assert.Equal(6, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM visit WHERE address_id = @kept", new { kept }));
    }

    [Fact]
    public async Task A_clash_is_refused_where_the_policy_is_to_fail_and_nothing_changes()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);

        var fault = await scene.AssertRefusedAsync("Linkage.Row.Clash", () => scene.MergeAsync(["a", "b"], "c", "Fail"));

        Assert.Contains("CustomerAddress", fault.Message, StringComparison.Ordinal);
        await scene.AssertRefusedAsync("Linkage.Row.Clash", () => scene.MergeAsync(["a", "b"], "c", "Fail", RunMode.Preview));
        Assert.Equal("completed", (await scene.MergeAsync("a", "d", "Fail")).Status);
    }

    [Theory]
    [InlineData("nobody", "c")]
    [InlineData("a", "nobody")]
    [InlineData("c", "c")]
    [InlineData("a", "gone")]
    [InlineData("gone", "c")]
    public async Task Who_is_unknown_or_merged_already_is_refused_before_there_is_a_run(string from, string into)
    {
        await using var scene = await MergeScene.CreateAsync("", Rows + "INSERT INTO \"Customer\" (id) VALUES ('gone')");
        await scene.MergeAsync("gone", "d");
        var runs = await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.run");

        await scene.AssertRefusedAsync("Linkage.Customer.Unusable", () => scene.MergeAsync(from, into));

        Assert.Equal(runs, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.run"));
    }

    [Fact]
    public async Task A_preview_has_the_counts_of_the_merge_and_writes_nothing()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var before = await scene.RowsAsync();

        var preview = await scene.MergeAsync(["a", "b"], "c", mode: RunMode.Preview);

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal(0, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.run"));
        var run = await scene.MergeAsync(["a", "b"], "c");
        Assert.Equal(run.Counts.OrderBy(c => c.Key), preview.Counts.OrderBy(c => c.Key));

        var undo = await scene.UndoAsync(run, RunMode.Preview);
        Assert.Equal((await scene.UndoAsync(run)).Counts.OrderBy(c => c.Key), undo.Counts.OrderBy(c => c.Key));
    }

    [Fact]
    public async Task A_dry_run_records_what_it_would_do_and_changes_nothing()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var before = await scene.RowsAsync();

        var dry = await scene.MergeAsync(["a", "b"], "c", mode: RunMode.DryRun);

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal(
            (await scene.MergeAsync(["a", "b"], "c")).Counts.OrderBy(c => c.Key), dry.Counts.OrderBy(c => c.Key));
        Assert.Equal(0, await scene.Database.ScalarAsync<int>(
            "SELECT count(*) FROM linkage.row_move WHERE dry_run <> (run_id = @RunId)", new { dry.RunId }));
        await Assert.ThrowsAsync<LinkageException>(() => scene.UndoAsync(dry));
    }

    [Fact]
    public async Task A_merged_customer_is_resolved_through_all_that_took_its_place()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var first = await scene.MergeAsync("a", "b");
        var second = await scene.MergeAsync("b", "c");

        var resolved = await scene.ResolveAsync("a");

        Assert.Equal(("c", true, 2, first.RunId), (resolved.CustomerId, resolved.Exists, resolved.Steps, resolved.RunId));
        Assert.NotNull(resolved.MergedAt);
        Assert.Equal(("c", true, 0), await Brief("c"));
        Assert.Equal(("nobody", false, 0), await Brief("nobody"));
        await scene.UndoAsync(second);
        Assert.Equal(("b", true, 1), await Brief("a"));

        async Task<(string?, bool, int)> Brief(string customer)
        {
            var found = await scene.ResolveAsync(customer);
            return (found.CustomerId, found.Exists, found.Steps);
        }
    }

    [Fact]
    public async Task What_somebody_changed_since_stays_and_is_a_conflict_until_it_is_as_it_was()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var before = await scene.RowsAsync();
        var run = await scene.MergeAsync("a", "b");
        await scene.Database.ExecuteAsync(
            """UPDATE "Lead" SET customer_id = 'd' WHERE id = 'la'; DELETE FROM visit WHERE note = 'first'""");

        var undo = await scene.UndoAsync(run);

        Assert.Equal(2, undo.Count("conflicts"));
        Assert.Equal("partly undone", await scene.StatusAsync(run));
        Assert.Equal("d", await scene.Database.ScalarAsync<string>("""SELECT customer_id FROM "Lead" WHERE id = 'la'"""));
        Assert.Equal("a", await scene.Database.ScalarAsync<string>("""SELECT customer_id FROM "Job" WHERE id = 'ja'"""));

        await scene.Database.ExecuteAsync(
            """UPDATE "Lead" SET customer_id = 'b' WHERE id = 'la'; INSERT INTO visit VALUES ('ab', 'first')""");
        Assert.Equal(0, (await scene.UndoAsync(run)).Count("conflicts"));
        Assert.Equal("undone", await scene.StatusAsync(run));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_customer_whose_place_is_taken_does_not_come_back_and_neither_do_its_rows()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var run = await scene.MergeAsync("a", "d");
        await scene.Database.ExecuteAsync("""INSERT INTO "Customer" (id, name) VALUES ('a', 'another')""");

        var undo = await scene.UndoAsync(run);

        Assert.True(undo.Count("conflicts") > 0);
        Assert.Equal("another", await scene.Database.ScalarAsync<string>("""SELECT name FROM "Customer" WHERE id = 'a'"""));
    }
}
