using Dapper;

namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>A merge is done as a whole or not at all, whoever is in its way.</summary>
public sealed class MergeFaultTests
{
    private const string Rows =
        """
        INSERT INTO "Customer" (id, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C');
        INSERT INTO "Lead" (id, customer_id) SELECT 'l' || i, 'a' FROM generate_series(1, 500) i;
        INSERT INTO "Job" (id, lead_id, customer_id) SELECT 'j' || i, 'l' || i, 'a' FROM generate_series(1, 500) i;
        """;

    [Fact]
    public async Task A_backend_killed_within_a_merge_leaves_nothing_half_done_and_the_merge_goes_on()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        await using var other = await scene.Database.OpenAsync();
        await using var holding = await other.BeginTransactionAsync();
        await other.ExecuteAsync("""SELECT FROM "Job" WHERE id = 'j250' FOR UPDATE""");

        var merge = scene.MergeAsync("a", "b");
        await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
            """
            SELECT EXISTS (
              SELECT pg_terminate_backend(a.pid)
              FROM pg_stat_activity a
              WHERE a.datname = current_database() AND a.wait_event_type = 'Lock' AND a.query LIKE '%run_batch%')
            """));
        Assert.Equal(500, await scene.Database.ScalarAsync<int>("""SELECT count(*) FROM "Lead" WHERE customer_id = 'a'"""));
        Assert.Equal(0, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.row_move"));
        await holding.RollbackAsync();

        var run = await merge;
        Assert.Equal(("completed", 1000), (run.Status, run.Count("moved")));
        Assert.Equal(500, await scene.Database.ScalarAsync<int>("""SELECT count(*) FROM "Lead" WHERE customer_id = 'b'"""));
        Assert.Equal(1002, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.row_move"));
    }

    [Fact]
    public async Task Two_merges_at_once_are_done_one_after_the_other()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var before = await scene.RowsAsync();

        var runs = await Task.WhenAll(scene.MergeAsync("a", "c"), scene.MergeAsync("b", "c"));

        Assert.All(runs, run => Assert.Equal("completed", run.Status));
        Assert.Equal(["c"], await scene.Database.QueryAsync<string>("""SELECT id FROM "Customer" """));
        Assert.Equal(1000, runs.Sum(run => run.Count("moved")));
        foreach (var run in runs.OrderByDescending(run => run.RunId))
            await scene.UndoAsync(run);
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_row_that_fails_at_the_very_end_takes_everything_back()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE TABLE last (id integer PRIMARY KEY, customer_id text REFERENCES "Customer");
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no customer goes'; END $$;
            CREATE TRIGGER refuse BEFORE DELETE ON "Customer" FOR EACH ROW EXECUTE FUNCTION refuse();
            """,
            Rows + "INSERT INTO last VALUES (1, 'a')");

        var fault = await scene.AssertRefusedAsync("Linkage.Row.NotChanged", () => scene.MergeAsync("a", "b"), "last");

        Assert.Contains("no customer goes", fault.Message, StringComparison.Ordinal);
        Assert.Equal(0, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.row_move"));
    }

    [Fact]
    public async Task An_undo_out_of_order_names_the_run_to_undo_first_and_leaves_no_run()
    {
        await using var scene = await MergeScene.CreateAsync("", Rows);
        var before = await scene.RowsAsync();
        var first = await scene.MergeAsync("a", "b");
        var second = await scene.MergeAsync("b", "c");

        var fault = await scene.AssertRefusedAsync("Linkage.Run.ChangedLater", () => scene.UndoAsync(first));

        Assert.Equal(second.RunId.ToString(), fault.Subject);
        Assert.Equal(2, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.run"));
        await scene.UndoAsync(second);
        await scene.UndoAsync(first);
        Assert.Equal(before, await scene.RowsAsync());
    }
}
