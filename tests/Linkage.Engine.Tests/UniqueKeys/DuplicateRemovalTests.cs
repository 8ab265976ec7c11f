using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>Who stays, who goes, and what becomes of the rows that referred to those.</summary>
public sealed class DuplicateRemovalTests
{
    private const string Items =
        """
        CREATE TABLE item (id integer PRIMARY KEY, code text, kind text, size integer);
        CREATE TABLE part (id integer PRIMARY KEY, item_id integer REFERENCES item ON DELETE CASCADE, name text, UNIQUE (item_id, name));
        CREATE INDEX ON part (item_id);
        INSERT INTO item VALUES (1, 'a', 'x', 5), (2, 'a', 'x', 7), (3, 'a', 'y', 9), (4, 'b', 'x', 1), (5, NULL, 'x', 1), (6, NULL, 'x', 2);
        INSERT INTO part VALUES (1, 1, 'wheel'), (2, 2, 'wheel'), (3, 2, 'door'), (4, 3, 'roof'), (5, 6, 'seat');
        """;

    private static readonly UniqueKeyRequest _rule = new() { Name = "item_idx", Table = "item", Keys = ["code"] };

    /// <summary>The rules as the documentation states them, in SQL of their own: table, key, what is covered, order.</summary>
    public static TheoryData<string, string, string, string, string> UsualRules { get; } = new()
    {
        { "messages_external_id_unique_idx", "messages", "external_id", "external_id IS NOT NULL", "created_at, id" },
        {
            "businesses_source_dedup_idx", "businesses", "team_id, source_record_id, source_file",
            "source_record_id IS NOT NULL AND source_file IS NOT NULL", "created_at, id COLLATE \"C\""
        },
        {
            "unified_lead_cards_persona_unique_idx", "unified_lead_cards", "team_id, persona_id", "true",
            "total_score DESC NULLS LAST, created_at, id COLLATE \"C\""
        },
        {
            "campaign_queue_pending_unique_idx", "campaign_queue", "team_id, lead_card_id, agent, channel", "status = 'pending'", "created_at, id"
        },
        {
            "skiptrace_results_persona_provider_idx", "skiptrace_results", "team_id, persona_id, provider", "persona_id IS NOT NULL",
            "success IS TRUE DESC, created_at DESC, id"
        },
        {
            "lead_activities_external_id_unique_idx", "lead_activities", "team_id, external_id", "external_id IS NOT NULL",
            "created_at, id COLLATE \"C\""
        },
    };

    [Theory]
    [MemberData(nameof(UsualRules))]
    public async Task Of_each_group_stays_who_the_rule_says_and_all_comes_back(string rule, string table, string key, string covered, string order)
    {
        await using var scene = await RemovalScene.CreateSampleAsync();
        var before = await scene.RowsAsync();
        var others = await IdsAsync(scene, $"SELECT id::text FROM {table} WHERE NOT ({covered})");
        var survivors = await IdsAsync(scene, $"SELECT DISTINCT ON ({key}) id::text FROM {table} WHERE {covered} ORDER BY {key}, {order}");
        var all = await scene.Database.ScalarAsync<int>($"SELECT count(*) FROM {table}");
        var groups = await scene.FindAsync(rule);

        var preview = await scene.RemoveAsync(rule, RemovalScene.Options(RunMode.Preview));
        Assert.Equal(before, await scene.RowsAsync());
        var run = await scene.RemoveAsync(rule);

        Assert.Equal(survivors.Concat(others).Order(StringComparer.Ordinal), await IdsAsync(scene, $"SELECT id::text FROM {table}"));
        Assert.True(run.Count("removed") > 0);
        Assert.Equal(
            (all - survivors.Count - others.Count, groups.Count, groups.Count),
            (run.Count("removed"), run.Count("kept"), run.Count("processed")));
        Assert.Equal(groups.Sum(group => group.Duplicates.Length), run.Count("removed"));
        Assert.Equal(
            (preview.Count("removed"), preview.Count("kept"), preview.Count("repointed"), preview.Count("clashed")),
            (run.Count("removed"), run.Count("kept"), run.Count("repointed"), run.Count("clashed")));
        Assert.Empty(await scene.FindAsync(rule));
        Assert.Equal(0, (await scene.RemoveAsync(rule)).Count("processed"));
        await scene.AssertSoundAsync();
        await scene.Database.ExecuteAsync((await new UniqueKeyRules(scene.Database.Engine).GetAsync(rule, default)).Definition);
        await scene.Database.ExecuteAsync($"DROP INDEX {rule}");
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task What_refers_to_a_duplicate_refers_to_who_stays_and_nothing_is_taken_along()
    {
        await using var scene = await RemovalScene.CreateAsync(Items, _rule);
        var before = await scene.RowsAsync();

        var run = await scene.RemoveAsync(_rule.Name);

        Assert.Equal((2, 1, 2, 1), (run.Count("removed"), run.Count("kept"), run.Count("repointed"), run.Count("clashed")));
        Assert.Equal([1, 4, 5, 6], await scene.Database.QueryAsync<int>("SELECT id FROM item ORDER BY id"));
        // One wheel clashed with the survivor's own.
        Assert.Equal(
            ["1 1 wheel", "3 1 door", "4 1 roof", "5 6 seat"],
            await scene.Database.QueryAsync<string>("SELECT concat_ws(' ', id, item_id, name) FROM part ORDER BY id"));
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task The_newest_of_rows_that_clash_stays_where_the_rule_says_so()
    {
        await using var scene = await RemovalScene.CreateAsync(
            Items + "ALTER TABLE part ADD COLUMN created_at timestamptz; UPDATE part SET created_at = timestamptz '2026-01-01' + id * interval '1 day';",
            _rule with { OnConflict = "KeepNewest" });
        var before = await scene.RowsAsync();

        var run = await scene.RemoveAsync(_rule.Name);

        Assert.Equal((2, 3, 1), (run.Count("removed"), run.Count("repointed"), run.Count("clashed")));
        Assert.Equal(
            ["2 1 wheel", "3 1 door", "4 1 roof", "5 6 seat"],
            await scene.Database.QueryAsync<string>("SELECT concat_ws(' ', id, item_id, name) FROM part ORDER BY id"));
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task The_list_says_who_stays_who_goes_and_what_refers_to_those()
    {
        await using var scene = await RemovalScene.CreateAsync(Items, _rule);

        var group = Assert.Single(await scene.FindAsync(_rule.Name));

        Assert.Equal(
            ("a", """{"id": "1"}""", """{"public.part": 3}"""), (group.Key, group.Survivor, group.Referring));
        Assert.Equal(["""{"id": "2"}""", """{"id": "3"}"""], group.Duplicates);
    }

    [Fact]
    public async Task An_order_a_condition_and_an_expression_decide()
    {
        await using var scene = await RemovalScene.CreateAsync(
            Items, _rule with { Keys = ["(upper(code))"], Predicate = "kind = 'x'", Keep = ["size DESC"] });

        var run = await scene.RemoveAsync(_rule.Name);

        Assert.Equal(1, run.Count("removed"));
        Assert.Equal([2, 3, 4, 5, 6], await scene.Database.QueryAsync<int>("SELECT id FROM item ORDER BY id"));
    }

    [SkippableFact]
    public async Task Nulls_are_equal_only_where_the_rule_says_so()
    {
        await using var scene = await RemovalScene.CreateAsync(Items, _rule);
        Skip.If(scene.Database.Connection.PostgreSqlVersion.Major < 15, "NULLS NOT DISTINCT came with PostgreSQL 15.");
        await KeyScene.RegisterAsync(scene.Database, _rule with { Name = "nulls_idx", NullsDistinct = false });
        var before = await scene.RowsAsync();

        var run = await scene.RemoveAsync("nulls_idx");

        Assert.Equal([1, 4, 5], await scene.Database.QueryAsync<int>("SELECT id FROM item ORDER BY id"));
        Assert.Equal(5, await scene.Database.ScalarAsync<int>("SELECT item_id FROM part WHERE name = 'seat'"));
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task Rows_that_refer_to_each_other_within_the_table_stay_connected()
    {
        await using var scene = await RemovalScene.CreateAsync(
            """
            CREATE TABLE node (id integer PRIMARY KEY, code text, parent integer REFERENCES node);
            INSERT INTO node VALUES (1, 'a', NULL), (2, 'b', 1), (3, 'a', 2), (4, 'b', 3), (5, 'c', 4), (6, 'c', 3);
            """,
            _rule with { Table = "node" });
        var before = await scene.RowsAsync();

        var run = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(batchSize: 1));

        Assert.Equal(
            ["1 a", "2 b 1", "5 c 2"], await scene.Database.QueryAsync<string>("SELECT concat_ws(' ', id, code, parent) FROM node ORDER BY id"));
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task Generated_and_identity_columns_and_composite_keys_come_back_as_they_were()
    {
        await using var scene = await RemovalScene.CreateAsync(
            """
            CREATE TABLE entry (
              team text, nr bigint GENERATED ALWAYS AS IDENTITY, code text, lowered text GENERATED ALWAYS AS (lower(code)) STORED, raw bytea, at timestamptz,
              PRIMARY KEY (team, nr));
            CREATE TABLE note (
              team text, entry_nr bigint, text text, FOREIGN KEY (team, entry_nr) REFERENCES entry DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO entry (team, code, raw, at)
            SELECT 't' || i % 2, 'C' || i % 3, decode(md5(i::text), 'hex'), timestamptz '2025-03-30 00:30+00' + i * interval '1 hour'
            FROM generate_series(1, 24) AS i;
            INSERT INTO note SELECT team, nr, 'n' || i FROM entry, generate_series(1, 3) AS i;
            """,
            _rule with { Table = "entry", Keys = ["team", "lowered"] });
        var before = await scene.RowsAsync();

        var run = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(batchSize: 2));

        Assert.Equal((18, 6, 54), (run.Count("removed"), run.Count("kept"), run.Count("repointed")));
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task A_group_that_can_not_be_changed_stays_whole_and_the_rest_is_done()
    {
        await using var scene = await RemovalScene.CreateAsync(
            Items + "INSERT INTO item VALUES (7, 'c', 'x', 1), (8, 'c', 'x', 1);", _rule with { OnConflict = "Fail" });

        var run = await scene.RemoveAsync(_rule.Name);

        Assert.Equal((1, 1, 1), (run.Count("removed"), run.Count("kept"), run.Count("failed")));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], await scene.Database.QueryAsync<int>("SELECT id FROM item ORDER BY id"));
        Assert.Contains("part_item_id_name_key", await scene.Database.ScalarAsync<string>("SELECT message FROM linkage.run_fault"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Triggers_of_the_application_run_and_one_that_keeps_a_row_keeps_its_group()
    {
        await using var scene = await RemovalScene.CreateAsync(
            Items +
            """
            CREATE TABLE log (what text);
            CREATE FUNCTION log_item() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN IF OLD.id = 8 THEN RETURN NULL; END IF; INSERT INTO log VALUES (OLD.id); RETURN OLD; END $$;
            CREATE TRIGGER log_item BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION log_item();
            INSERT INTO item VALUES (7, 'c', 'x', 1), (8, 'c', 'x', 1);
            """,
            _rule);

        var run = await scene.RemoveAsync(_rule.Name);

        Assert.Equal((2, 1), (run.Count("removed"), run.Count("failed")));
        Assert.Equal(["2", "3"], await scene.Database.QueryAsync<string>("SELECT what FROM log ORDER BY 1"));
    }

    [Fact]
    public async Task A_dry_run_records_and_changes_nothing()
    {
        await using var scene = await RemovalScene.CreateAsync(Items, _rule);
        var before = await scene.RowsAsync();

        var dry = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(RunMode.DryRun));

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal(
            ["""{"id": "2", "code": "a", "kind": "x", "size": "7"}""", """{"id": "3", "code": "a", "kind": "y", "size": "9"}"""],
            await scene.Database.QueryAsync<string>(
                "SELECT before::text FROM linkage.row_move WHERE relation = 'public.item' AND dry_run ORDER BY 1"));
        Assert.Equal(2, dry.Count("removed"));
    }

    [Theory]
    [InlineData("CREATE TABLE bare (code text); INSERT INTO bare VALUES ('a'), ('a')", "Linkage.DuplicateRecord.CannotBeRemoved")]
    [InlineData("CREATE TABLE bare (id int PRIMARY KEY, code text)", "Linkage.UniqueKeyRule.TableGone")]
    [InlineData("", "Linkage.UniqueKeyRule.NotFound")]
    public async Task What_stands_in_the_way_is_said_before_there_is_a_run(string table, string errorId)
    {
        await using var scene = await RemovalScene.CreateAsync(table, table.Length == 0 ? [] : [_rule with { Table = "bare" }]);
        if (errorId.EndsWith("TableGone", StringComparison.Ordinal))
            await scene.Database.ExecuteAsync("ALTER TABLE bare RENAME code TO other");

        foreach (var mode in (RunMode[])[RunMode.Apply, RunMode.Preview])
        {
            var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.RemoveAsync(_rule.Name, RemovalScene.Options(mode)));
            Assert.Equal(errorId, fault.ErrorId);
        }

        Assert.Equal(0, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.run"));
    }

    [Fact]
    public async Task What_was_changed_since_stays_as_it_is_and_can_be_taken_back_later()
    {
        await using var scene = await RemovalScene.CreateAsync(Items, _rule);
        var before = await scene.RowsAsync();
        var run = await scene.RemoveAsync(_rule.Name);
        await scene.Database.ExecuteAsync("UPDATE part SET item_id = 4 WHERE id = 4");
        await scene.Database.ExecuteAsync("INSERT INTO item VALUES (3, 'new', 'z', 0)");

        var undo = await scene.UndoAsync(run.RunId!.Value);

        Assert.Equal(2, undo.Count("conflicts"));
        Assert.Equal("new", await scene.Database.ScalarAsync<string>("SELECT code FROM item WHERE id = 3"));
        await scene.Database.ExecuteAsync("DELETE FROM item WHERE id = 3; UPDATE part SET item_id = 1 WHERE id = 4");
        Assert.Equal(0, (await scene.UndoAsync(run.RunId!.Value)).Count("conflicts"));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_key_that_was_built_since_keeps_duplicates_out_until_it_goes()
    {
        await using var scene = await RemovalScene.CreateAsync(Items, _rule);
        var before = await scene.RowsAsync();
        var run = await scene.RemoveAsync(_rule.Name);
        await scene.Database.ExecuteAsync("CREATE UNIQUE INDEX item_idx ON item (code)");

        var undo = await scene.UndoAsync(run.RunId!.Value);

        Assert.True(undo.Count("conflicts") >= 2);
        Assert.Equal([1, 4, 5, 6], await scene.Database.QueryAsync<int>("SELECT id FROM item ORDER BY id"));
        await scene.Database.ExecuteAsync("DROP INDEX item_idx");
        Assert.Equal(0, (await scene.UndoAsync(run.RunId!.Value)).Count("conflicts"));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_group_that_would_break_an_exclusion_constraint_stays_whole()
    {
        await using var scene = await RemovalScene.CreateAsync(
            Items + "ALTER TABLE part DROP CONSTRAINT part_item_id_name_key, ADD EXCLUDE USING btree (item_id WITH =) WHERE (name = 'wheel');", _rule);
        var before = await scene.RowsAsync();

        var run = await scene.RemoveAsync(_rule.Name);

        Assert.Equal((0, 1), (run.Count("removed"), run.Count("failed")));
        Assert.Equal(before, await scene.RowsAsync());
    }

    private static async Task<IReadOnlyList<string>> IdsAsync(RemovalScene scene, string sql) =>
        [.. (await scene.Database.QueryAsync<string>(sql)).Order(StringComparer.Ordinal)];
}
