using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

public sealed class UniqueKeyRulesTests
{
    private static readonly UniqueKeyRequest _request = new() { Name = "own_idx", Table = "businesses", Keys = ["team_id", "(lower(name))"] };

    [Fact]
    public async Task Install_brings_the_component_along_where_a_rules_table_has_its_columns()
    {
        await using var bare = await LinkedDatabase.CreateUnlinkedAsync();
        await using var scene = await LinkedDatabase.CreateEmptyAsync();
        await scene.ExecuteAsync("CREATE TABLE skiptrace_results (team_id int, persona_id int, provider text)");

        // It has messages, without an external id.
        Assert.Contains("external_id", (await new SchemaInstaller(bare.Engine).PlanAsync([], default)).Omitted["UniqueKeys"], StringComparison.Ordinal);
        await scene.InstallAsync();

        Assert.Equal(14, (await new UniqueKeyRules(scene.Engine).FindAsync(default)).Count);
    }

    [Fact]
    public async Task Install_by_name_goes_without_any_table_and_later_installs_upgrade_it()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();

        await KeyScene.InstallAsync(database.Engine);
        var installer = new SchemaInstaller(database.Engine);
        await installer.ApplyAsync(await installer.PlanAsync([], default), _ => { }, null, default);
        var again = await installer.PlanAsync([], default);

        Assert.False(again.IsNeeded);
        Assert.Contains(again.Steps, step => step.Component == "UniqueKeys");
        Assert.DoesNotContain("UniqueKeys", again.Omitted.Keys);
    }

    [Fact]
    public async Task The_six_rules_come_built_in_and_eight_keys_are_expected()
    {
        await using var database = await KeyScene.CreateAsync();

        var rules = await new UniqueKeyRules(database.Engine).FindAsync(default);

        Assert.Equal((6, 8), (rules.Count(r => r.Origin == "built in"), rules.Count(r => r.Origin == "expected")));
        var cards = rules.Single(r => r.Name == "unified_lead_cards_persona_unique_idx");
        Assert.Equal(("public.unified_lead_cards", "team_id, persona_id", null), (cards.Table, string.Join(", ", cards.Keys), cards.Predicate));
        Assert.Equal(["total_score DESC NULLS LAST"], cards.Keep);
        Assert.Equal(
            "CREATE UNIQUE INDEX campaign_queue_pending_unique_idx ON public.campaign_queue USING btree (team_id, lead_card_id, agent, channel) "
            + "WHERE (status = 'pending')",
            rules.Single(r => r.Name == "campaign_queue_pending_unique_idx").Definition);
    }

    [Fact]
    public async Task The_index_of_each_usual_rule_can_be_built_as_it_is_defined()
    {
        await using var database = await KeyScene.CreateAsync();

        foreach (var rule in await new UniqueKeyRules(database.Engine).FindAsync(default))
            await database.ExecuteAsync(rule.Definition);

        Assert.Equal(
            14,
            await database.ScalarAsync<long>(
                "SELECT count(*) FROM linkage.unique_key_rule r JOIN pg_index i ON i.indexrelid = r.name::regclass AND i.indrelid = r.relation::regclass"));
    }

    [Fact]
    public async Task An_upgrade_renews_the_usual_rules_and_leaves_registered_ones_as_they_are()
    {
        await using var database = await KeyScene.CreateAsync();
        var rules = new UniqueKeyRules(database.Engine);
        var own = await KeyScene.RegisterAsync(database, _request);
        await database.ExecuteAsync(
            """
            DELETE FROM linkage.unique_key_rule WHERE name = 'leads_external_id_unique_idx';
            UPDATE linkage.unique_key_rule SET predicate = 'false' WHERE name = 'messages_external_id_unique_idx';
            UPDATE linkage.migration SET checksum = '';
            """);

        await database.InstallAsync();

        var found = await rules.FindAsync(default);
        Assert.Equal(15, found.Count);
        Assert.Equal("(external_id IS NOT NULL)", found.Single(r => r.Name == "messages_external_id_unique_idx").Predicate);
        Assert.Equal((own.RegisteredAt, own.Definition), found.Where(r => r.Name == "own_idx").Select(r => (r.RegisteredAt, r.Definition)).Single());
    }

    [Fact]
    public async Task A_rule_is_stored_as_the_server_writes_it_with_names_of_the_search_path_resolved()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE SCHEMA crm;
            CREATE FUNCTION crm.plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
            CREATE TYPE crm.state AS ENUM ('open', 'done');
            CREATE TABLE crm."Call List" ("Call No" int, "Who" text, state crm.state);
            """);
        await using var engine = await LinkageDatabase.OpenAsync(
            new Npgsql.NpgsqlConnectionStringBuilder(database.ConnectionString) { SearchPath = "crm" }.ConnectionString, default);

        var rule = (await new UniqueKeyRules(engine).RegisterAsync(
            new UniqueKeyRequest
            {
                Name = "Odd \"name\"",
                Table = "\"Call List\"",
                Keys = ["Call No", "(plain(\"Who\"))", "(\"Who\" COLLATE \"POSIX\")", "(\"Who\" || 'x')"],
                Predicate = "state = 'open' OR \"Who\" IS NULL -- or so",
            },
            default)).Rule;

        Assert.Equal("crm.\"Call List\"", rule.Table);
        Assert.Equal(
            ["\"Call No\"", "(crm.plain(\"Who\"))", "(\"Who\" COLLATE \"POSIX\")", "((\"Who\" || 'x'::text))"],
            rule.Keys);
        Assert.Equal("((state = 'open'::crm.state) OR (\"Who\" IS NULL))", rule.Predicate);
        Assert.Equal(
            ["Call No", "Who", "state"],
            await database.QueryAsync<string>(
                "SELECT unnest(r.columns) FROM linkage.unique_key_rule r WHERE r.name LIKE 'Odd%' ORDER BY 1"));
        await database.ExecuteAsync(rule.Definition);
    }

    [Theory]
    [InlineData("busineses", "team_id", null, null, "Similar are: businesses")]
    [InlineData("linkage.run", "id", null, null, "Linkage's own")]
    [InlineData("a_view", "team_id", null, null, "a view")]
    [InlineData("businesses", "teem_id", null, null, "Similar are: team_id")]
    [InlineData("businesses", "lower(name)", null, null, "An expression stands in parentheses: (lower(name))")]
    [InlineData("businesses", "(now())", null, null, "IMMUTABLE")]
    [InlineData("businesses", "(1)", null, null, "no column")]
    [InlineData("businesses", "(name), (team_id)", null, null, "more than one key")]
    [InlineData("documents", "body", null, null, "json")]
    [InlineData("businesses", "name", "created_at > now()", null, "IMMUTABLE")]
    [InlineData("businesses", "name", "nonsense", null, "nonsense")]
    [InlineData("businesses", "name", "EXISTS (SELECT FROM leads)", null, "subquer")]
    [InlineData("businesses", "name", null, "nonsense DESC", "nonsense")]
    [InlineData("businesses", "name", null, "name LIMIT 1", "LIMIT")]
    public async Task What_an_index_would_refuse_is_refused(string table, string key, string? predicate, string? keep, string problem)
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync("CREATE VIEW a_view AS SELECT * FROM businesses; CREATE TABLE documents (body json)");

        var fault = await Assert.ThrowsAsync<LinkageException>(() => KeyScene.RegisterAsync(
            database, new UniqueKeyRequest { Name = "own_idx", Table = table, Keys = [key], Predicate = predicate, Keep = keep is null ? [] : [keep] }));

        Assert.Equal("Linkage.UniqueKeyRule.Unusable", fault.ErrorId);
        Assert.Contains(problem, fault.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM linkage.unique_key_rule WHERE origin = 'registered'"));
    }

    [Fact]
    public async Task Names_that_come_with_Linkage_or_are_too_long_are_refused_all_problems_in_one()
    {
        await using var database = await KeyScene.CreateAsync();

        var taken = await Assert.ThrowsAsync<LinkageException>(
            () => KeyScene.RegisterAsync(database, _request with { Name = "messages_external_id_unique_idx", Table = "nowhere" }));
        var longer = await Assert.ThrowsAsync<LinkageException>(() => KeyScene.RegisterAsync(database, _request with { Name = new string('ä', 32) }));

        Assert.Contains("comes with Linkage", taken.Message, StringComparison.Ordinal);
        Assert.Contains("no table nowhere", taken.Message, StringComparison.Ordinal);
        Assert.Contains("this one has 64", longer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nulls_that_are_not_distinct_take_a_server_that_knows_them()
    {
        await using var database = await KeyScene.CreateAsync();
        var request = _request with { NullsDistinct = false };

        if (database.Engine.VersionNumber < 150000)
        {
            var fault = await Assert.ThrowsAsync<LinkageException>(() => KeyScene.RegisterAsync(database, request));
            Assert.Contains("PostgreSQL 15", fault.Message, StringComparison.Ordinal);
        }
        else
        {
            var rule = await KeyScene.RegisterAsync(database, request);
            await database.ExecuteAsync(rule.Definition);
            Assert.Contains("NULLS NOT DISTINCT", await database.ScalarAsync<string>("SELECT pg_get_indexdef('own_idx'::regclass)"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Registering_again_replaces_or_changes_nothing_and_a_plan_leaves_nothing_behind()
    {
        await using var database = await KeyScene.CreateAsync();
        var rules = new UniqueKeyRules(database.Engine);
        var relations = await database.ScalarAsync<long>("SELECT count(*) FROM pg_class");

        var planned = await rules.PlanAsync(_request, default);
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM linkage.unique_key_rule WHERE origin = 'registered'"));
        Assert.Null(planned.Rule.RegisteredAt);
        var first = await rules.RegisterAsync(_request, default);
        var same = await rules.RegisterAsync(_request, default);
        var other = await rules.RegisterAsync(_request with { Predicate = "source_file IS NULL" }, default);

        Assert.Equal(("Registered", "Registered", "Unchanged", "Replaced"), (planned.Change, first.Change, same.Change, other.Change));
        Assert.Equal(first.Rule.RegisteredAt, same.Rule.RegisteredAt);
        Assert.Equal("(source_file IS NULL)", (await rules.GetAsync("own_idx", default)).Predicate);
        Assert.Equal(relations, await database.ScalarAsync<long>("SELECT count(*) FROM pg_class"));
    }

    [Fact]
    public async Task Registered_rules_are_unregistered_and_others_stay()
    {
        await using var database = await KeyScene.CreateAsync();
        var rules = new UniqueKeyRules(database.Engine);
        await KeyScene.RegisterAsync(database, _request);

        await rules.UnregisterAsync("own_idx", isPlan: true, default);
        Assert.Equal("own_idx", (await rules.GetAsync("own_idx", default)).Name);
        await rules.UnregisterAsync("own_idx", isPlan: false, default);

        var gone = await Assert.ThrowsAsync<LinkageException>(() => rules.UnregisterAsync("own_idx", isPlan: false, default));
        var usual = await Assert.ThrowsAsync<LinkageException>(() => rules.UnregisterAsync("businesses_source_dedup_idx", isPlan: false, default));
        Assert.Equal(("Linkage.UniqueKeyRule.NotFound", "Linkage.UniqueKeyRule.Unusable"), (gone.ErrorId, usual.ErrorId));
    }

    [Fact]
    public async Task A_name_that_no_rule_has_is_an_error_that_names_similar_ones()
    {
        await using var database = await KeyScene.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(() => new UniqueKeyRules(database.Engine).GetAsync("messages_external_idx", default));

        Assert.Equal("Linkage.UniqueKeyRule.NotFound", fault.ErrorId);
        Assert.Contains("messages_external_id_unique_idx", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_or_column_that_is_gone_is_an_error_of_the_rule()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            "DROP TABLE message_attachments, messages; ALTER TABLE campaign_queue RENAME COLUMN status TO state");

        Task<string> RelationAsync(string rule) =>
            database.ScalarAsync<string>("SELECT linkage.rule_relation(linkage.find_unique_key_rule(@rule))::text", new { rule });

        var table = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => RelationAsync("messages_external_id_unique_idx"));
        var column = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => RelationAsync("campaign_queue_pending_unique_idx"));
        Assert.Equal(("LK062", "LK062"), (table.SqlState, column.SqlState));
        Assert.Contains("no column status", column.MessageText, StringComparison.Ordinal);
        Assert.Equal("businesses", await RelationAsync("businesses_source_dedup_idx"));
    }

    [Fact]
    public async Task Who_does_not_own_the_schema_registers_nothing()
    {
        await using var database = await KeyScene.CreateAsync();
        var role = await Roles.CreateAsync(database, "clerk");
        try
        {
            await Roles.GrantAllAsync(database, role);
            await using var engine = await Roles.ConnectAsync(database, role);
            var rules = new UniqueKeyRules(engine);

            Assert.Equal("Registered", (await rules.PlanAsync(_request, default)).Change);
            await Assert.ThrowsAsync<SchemaException>(() => rules.RegisterAsync(_request, default));
            await Assert.ThrowsAsync<SchemaException>(() => rules.UnregisterAsync("own_idx", isPlan: false, default));
        }
        finally
        {
            await Roles.DropAsync(database, role);
        }
    }

    [Fact]
    public async Task The_first_of_a_group_is_who_the_rule_says_then_the_oldest_by_time_and_key_in_C_collation()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            """
            INSERT INTO unified_lead_cards (id, team_id, persona_id, name, total_score, created_at) VALUES
              ('b1', 't', 'scored', '', 1, '2025-01-01'), ('a1', 't', 'scored', '', NULL, '2024-01-01'), ('c1', 't', 'scored', '', 7, '2026-01-01'),
              ('b2', 't', 'aged', '', 7, '2025-01-02'), ('c2', 't', 'aged', '', 7, '2025-01-01'),
              ('a3', 't', 'tied', '', NULL, '2025-01-01'), ('B3', 't', 'tied', '', NULL, '2025-01-01')
            """);

        var order = await database.ScalarAsync<string>(
            "SELECT linkage.rule_order(linkage.find_unique_key_rule('unified_lead_cards_persona_unique_idx'))");

        Assert.Equal(
            ["c2", "c1", "B3"],
            await database.QueryAsync<string>(
                $"SELECT DISTINCT ON (persona_id) id FROM unified_lead_cards AS t ORDER BY persona_id, {order}"));
    }
}
