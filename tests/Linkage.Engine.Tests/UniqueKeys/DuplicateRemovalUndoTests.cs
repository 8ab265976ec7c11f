using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>Undo of a removal, and undo of that, where duplicates refer to each other and some of them can't be taken back.</summary>
public sealed class DuplicateRemovalUndoTests
{
    /// <summary>Row 2 refers to row 3, both are duplicates of row 1; row 5 is one of row 4.</summary>
    private const string Nodes =
        """
        CREATE TABLE node (id integer PRIMARY KEY, code text, note text, parent integer REFERENCES node ON DELETE CASCADE);
        CREATE INDEX ON node (parent);
        INSERT INTO node VALUES (1, 'a', 'one', NULL), (3, 'a', 'three', NULL), (2, 'a', 'two', 3), (4, 'b', 'four', NULL), (5, 'b', 'five', NULL);
        """;

    private static readonly UniqueKeyRequest _rule = new() { Name = "node_idx", Table = "node", Keys = ["code"] };

    [Fact]
    public async Task A_row_that_stays_keeps_the_one_that_it_refers_to()
    {
        await using var scene = await RemovalScene.CreateAsync(Nodes, _rule);
        var undo = await scene.UndoAsync((await scene.RemoveAsync(_rule.Name)).RunId!.Value);
        await scene.Database.ExecuteAsync("UPDATE node SET note = 'changed' WHERE id = 2");
        var before = await scene.RowsAsync();

        var preview = await scene.UndoAsync(undo.RunId!.Value, RunMode.Preview);
        var again = await scene.UndoAsync(undo.RunId!.Value);

        Assert.Equal((1, 2), (again.Count("rolled_back"), again.Count("conflicts")));
        Assert.Equal((1, 2), (preview.Count("rolled_back"), preview.Count("conflicts")));
        Assert.Equal(before.Where(row => !row.Contains("five", StringComparison.Ordinal)), await scene.RowsAsync());
    }

    [Fact]
    public async Task A_row_that_a_trigger_keeps_keeps_the_one_that_it_refers_to()
    {
        await using var scene = await RemovalScene.CreateAsync(Nodes, _rule);
        var undo = await scene.UndoAsync((await scene.RemoveAsync(_rule.Name)).RunId!.Value);
        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION keep_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN OLD.id <> 2 THEN OLD END; END $$;
            CREATE TRIGGER keep_two BEFORE DELETE ON node FOR EACH ROW EXECUTE FUNCTION keep_two();
            """);
        var before = await scene.RowsAsync();

        var again = await scene.UndoAsync(undo.RunId!.Value);

        Assert.Equal((1, 2), (again.Count("rolled_back"), again.Count("conflicts")));
        Assert.Equal(before.Where(row => !row.Contains("five", StringComparison.Ordinal)), await scene.RowsAsync());
    }

    [Fact]
    public async Task Rows_that_come_back_one_by_one_come_after_those_that_they_refer_to()
    {
        await using var scene = await RemovalScene.CreateAsync(Nodes + "CREATE UNIQUE INDEX ON node (note);", _rule);
        var run = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(batchSize: 100));
        await scene.Database.ExecuteAsync("INSERT INTO node VALUES (6, 'c', 'five', NULL)");

        var undo = await scene.UndoAsync(run.RunId!.Value);

        Assert.Equal((2, 1), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Equal(["1>", "2>3", "3>", "4>", "6>"], await scene.Database.QueryAsync<string>("SELECT concat(id, '>', parent) FROM node ORDER BY id"));
    }
}
