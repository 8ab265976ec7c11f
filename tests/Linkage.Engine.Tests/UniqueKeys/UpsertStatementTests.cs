using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

public sealed class UpsertStatementTests
{
    [Fact]
    public async Task Each_usual_rules_statement_runs_against_its_index_and_a_second_arrival_adds_nothing()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync("SET session_replication_role = replica");
        foreach (var rule in await new UniqueKeyRules(database.Engine).FindAsync(default))
        {
            // Some have their key already, with another name or another predicate.
            await new UniqueKeyBuild(database.Engine).AddAsync(rule.Name, new UniqueKeyOptions(), default);
            var statement = await new UpsertStatement(database.Engine).WriteAsync(rule.Name, null, HasOnlyKeys(rule), default);

            await RunAsync(database, statement);
            await RunAsync(database, statement);

            Assert.Equal(1, await database.ScalarAsync<long>($"SELECT count(*) FROM {rule.Table}"));
        }
    }

    [Fact]
    public async Task A_second_arrival_updates_what_it_is_told_to()
    {
        await using var database = await KeyScene.CreateAsync();
        await new UniqueKeyBuild(database.Engine).AddAsync("unified_lead_cards_persona_unique_idx", new UniqueKeyOptions(), default);
        var upsert = new UpsertStatement(database.Engine);

        var score = await upsert.WriteAsync("unified_lead_cards_persona_unique_idx", ["total_score"], doesNothing: false, default);
        var nothing = await upsert.WriteAsync("unified_lead_cards_persona_unique_idx", null, doesNothing: true, default);
        await database.ExecuteAsync(Filled(score, "'card_1'", "'t'", "'p'", "'Ann'", "7"));
        await database.ExecuteAsync(Filled(score, "'card_2'", "'t'", "'p'", "'Bob'", "8"));
        await database.ExecuteAsync(Filled(nothing, "'card_3'", "'t'", "'p'", "'Eve'", "9"));

        Assert.Equal(
            "card_1 Ann 8 ann",
            await database.ScalarAsync<string>("SELECT concat_ws(' ', id, name, total_score, search_name) FROM unified_lead_cards"));
    }

    [Fact]
    public async Task Expressions_quoted_names_and_the_predicate_are_those_of_the_rule()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE \"Call List\" (\"No\" bigint GENERATED ALWAYS AS IDENTITY, \"Who\" text, state text, note text)");
        var rule = await KeyScene.RegisterAsync(database, new UniqueKeyRequest
        {
            Name = "calls_idx", Table = "\"Call List\"", Keys = ["(lower(\"Who\"))"], Predicate = "state <> 'done'",
        });
        await new UniqueKeyBuild(database.Engine).AddAsync(rule.Name, new UniqueKeyOptions(), default);

        var statement = await new UpsertStatement(database.Engine).WriteAsync(rule.Name, null, doesNothing: false, default);
        await database.ExecuteAsync(Filled(statement, "'Ann'", "'open'", "'first'"));
        await database.ExecuteAsync(Filled(statement, "'ANN'", "'open'", "'second'"));
        await database.ExecuteAsync(Filled(statement, "'ann'", "'done'", "'third'"));

        Assert.Equal(
            ["Ann second", "ann third"],
            await database.QueryAsync<string>("SELECT concat_ws(' ', \"Who\", note) FROM \"Call List\" ORDER BY note"));
    }

    [Fact]
    public async Task What_cannot_be_set_is_refused()
    {
        await using var database = await KeyScene.CreateAsync();
        var upsert = new UpsertStatement(database.Engine);

        async Task<string> FaultAsync(string rule, params string[]? set) =>
            (await Assert.ThrowsAsync<LinkageException>(() => upsert.WriteAsync(rule, set, doesNothing: false, default))).Message;

        Assert.Contains("Similar are: total_score", await FaultAsync("unified_lead_cards_persona_unique_idx", "total_scor"), StringComparison.Ordinal);
        Assert.Contains("is generated", await FaultAsync("unified_lead_cards_persona_unique_idx", "search_name"), StringComparison.Ordinal);
        Assert.Contains("is generated", await FaultAsync("campaign_queue_pending_unique_idx", "id"), StringComparison.Ordinal);
        Assert.Contains("-DoNothing", await FaultAsync("campaign_leads_lead_unique_idx", null), StringComparison.Ordinal);
        Assert.Contains("no rule nonsense", await FaultAsync("nonsense", null), StringComparison.Ordinal);
    }

    private static bool HasOnlyKeys(UniqueKeyRule rule) =>
        rule.Table is "public.campaign_queue" or "public.campaign_leads" or "public.integrations";

    /// <summary>Runs a statement with one value of each parameter's type.</summary>
    private static async Task RunAsync(LinkedDatabase database, string statement)
    {
        await database.ExecuteAsync($"PREPARE upsert AS {statement}");
        var types = await database.ScalarAsync<string>("SELECT array_to_string(parameter_types, ',') FROM pg_prepared_statements WHERE name = 'upsert'");
        // The one text that the predicate of a usual rule asks for.
        var values = types.Split(',').Select(type => type switch
        {
            "text" => "'pending'", "boolean" => "true", "uuid" => "gen_random_uuid()", _ => "1",
        });
        await database.ExecuteAsync($"EXECUTE upsert({string.Join(", ", values)}); DEALLOCATE upsert");
    }

    private static string Filled(string statement, params string[] values)
    {
        for (var i = values.Length; i > 0; i--)
            statement = statement.Replace($"${i}", values[i - 1], StringComparison.Ordinal);
        return statement;
    }
}
