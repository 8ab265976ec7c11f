using Linkage.Engine.Checks;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

public sealed class UniqueKeyChecksTests
{
    private const string Messages = "messages_external_id_unique_idx";
    private const string Queue = "campaign_queue_pending_unique_idx";

    [Fact]
    public async Task Sample_data_has_duplicates_by_each_built_in_rule_and_lacks_three_of_the_expected_keys()
    {
        await using var database = await KeyScene.CreateSampleAsync(120);

        var checks = await CheckAsync(database);

        Assert.Equal(
            [(CheckStatus.Critical, 20.0), (CheckStatus.Critical, 20.0), (CheckStatus.Critical, 20.0), (CheckStatus.Critical, 20.0),
             (CheckStatus.Critical, 20.0), (CheckStatus.Critical, 20.0)],
            checks.Take(6).Select(c => (c.Status, c.Value!.Value)));
        Assert.Equal(
            ["integration_fields_source_field_unique_idx", "persona_phones_number_unique_idx", "property_distress_scores_external_id_unique_idx"],
            checks.Where(c => c.Status == CheckStatus.Warning).Select(c => c.Check));
        Assert.Equal(5, checks.Count(c => c.Status == CheckStatus.Healthy));
    }

    [Theory]
    [InlineData("CREATE UNIQUE INDEX {0} ON campaign_queue (team_id, lead_card_id, agent, channel) WHERE status = 'pending'", "Enforced")]
    // Any name, any order, fewer columns, more rows.
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (channel, agent, lead_card_id, team_id) WHERE status = 'pending'", "Enforced")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (lead_card_id) WHERE status = 'pending'", "Enforced")]
    [InlineData("ALTER TABLE campaign_queue ADD UNIQUE (team_id, lead_card_id, agent, channel)", "Enforced")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (lead_card_id) WHERE status IN ('pending', 'sent')", "Enforced")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (lead_card_id) WHERE status = 'pending' AND lead_card_id IS NOT NULL", "Enforced")]
    // Not those that are checked later, are not unique, leave rows out, or tell more apart.
    [InlineData("ALTER TABLE campaign_queue ADD UNIQUE (team_id, lead_card_id, agent, channel) DEFERRABLE", "Missing")]
    [InlineData("CREATE INDEX other ON campaign_queue (team_id, lead_card_id, agent, channel) WHERE status = 'pending'", "Missing")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (lead_card_id) WHERE status = 'sent'", "Missing")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (lead_card_id) WHERE status = 'pending' AND agent <> 'ada'", "Missing")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (lead_card_id) WHERE status = 'pending' AND created_at > '2020-01-01'", "Missing")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue (team_id, lead_card_id, agent, channel, created_at) WHERE status = 'pending'", "Missing")]
    [InlineData("CREATE UNIQUE INDEX other ON campaign_queue ((lower(lead_card_id))) WHERE status = 'pending'", "Missing")]
    // The name taken.
    [InlineData("CREATE INDEX {0} ON campaign_queue (lead_card_id)", "Different")]
    [InlineData("CREATE UNIQUE INDEX {0} ON campaign_queue (lead_card_id) WHERE status = 'sent'", "Different")]
    [InlineData("CREATE UNIQUE INDEX {0} ON messages (external_id)", "Different")]
    [InlineData("CREATE TABLE {0} ()", "Different")]
    // Of each kind that a failed build leaves.
    [InlineData("CREATE UNIQUE INDEX {0} ON campaign_queue (lead_card_id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{0}'::regclass", "Invalid")]
    [InlineData("CREATE UNIQUE INDEX {0} ON campaign_queue (lead_card_id); UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = '{0}'::regclass", "Invalid")]
    public async Task What_enforces_a_rule_is_told_from_what_does_not(string statements, string state)
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(statements.Replace("{0}", Queue, StringComparison.Ordinal));

        var check = (await CheckAsync(database, Queue)).Single();

        Assert.Equal(state, check.Details["State"]);
        Assert.Equal(
            state switch { "Enforced" => CheckStatus.Healthy, "Missing" => CheckStatus.Warning, _ => CheckStatus.Critical }, check.Status);
    }

    [Fact]
    public async Task Expressions_are_compared_by_what_they_mean()
    {
        await using var database = await KeyScene.CreateAsync();
        await KeyScene.RegisterAsync(database, new UniqueKeyRequest
        {
            Name = "names_idx", Table = "businesses", Keys = ["team_id", "(lower(name) || '!')"], Predicate = "source_file IS NULL",
        });

        await database.ExecuteAsync("CREATE UNIQUE INDEX other ON businesses ((lower((name)::text) || '!'), team_id) WHERE (source_file) IS NULL");
        var same = (await CheckAsync(database, "names_idx")).Single();
        await database.ExecuteAsync("DROP INDEX other; CREATE UNIQUE INDEX other ON businesses ((upper(name) || '!'), team_id) WHERE source_file IS NULL");
        var other = (await CheckAsync(database, "names_idx")).Single();

        Assert.Equal((CheckStatus.Healthy, CheckStatus.Warning), (same.Status, other.Status));
    }

    [Fact]
    public async Task Only_rows_that_the_index_will_cover_are_duplicates_and_nulls_are_none()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            """
            INSERT INTO messages (external_id) VALUES (NULL), (NULL), ('a'), ('a'), ('a'), ('b');
            INSERT INTO unified_lead_cards (id, team_id, persona_id, name) VALUES ('c', 't', 'p', 'Ann');
            INSERT INTO campaign_queue (team_id, lead_card_id, agent, channel, status) VALUES
              ('t', 'c', 'ada', 'sms', 'pending'), ('t', 'c', 'ada', 'sms', 'sent'), ('t', 'c', 'ada', 'sms', 'sent');
            """);

        var checks = await CheckAsync(database, Messages, Queue);

        Assert.Equal([(2.0, 1L), (0.0, 0L)], checks.Select(c => (c.Value!.Value, (long)c.Details["Groups"]!)));
    }

    [SkippableFact]
    public async Task Where_nulls_are_not_distinct_they_are_duplicates_and_only_such_an_index_will_do()
    {
        await using var database = await KeyScene.CreateAsync();
        Skip.If(database.Engine.VersionNumber < 150000, "PostgreSQL 15");
        await KeyScene.RegisterAsync(database, new UniqueKeyRequest { Name = "own_idx", Table = "messages", Keys = ["external_id"], NullsDistinct = false });
        await database.ExecuteAsync("INSERT INTO messages (external_id) VALUES (NULL), (NULL), ('a')");

        var before = (await CheckAsync(database, "own_idx")).Single();
        await database.ExecuteAsync("DELETE FROM messages; CREATE UNIQUE INDEX other ON messages (external_id)");
        var distinct = (await CheckAsync(database, "own_idx")).Single();
        await database.ExecuteAsync("CREATE UNIQUE INDEX another ON messages (external_id) NULLS NOT DISTINCT");
        var enforced = (await CheckAsync(database, "own_idx")).Single();

        Assert.Equal((1.0, CheckStatus.Warning, CheckStatus.Healthy), (before.Value, distinct.Status, enforced.Status));
    }

    [Fact]
    public async Task A_table_or_column_that_is_absent_is_unknown_and_so_is_all_without_the_component()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        await database.ExecuteAsync("CREATE TABLE messages (id int)");
        Assert.Equal([CheckStatus.Unknown], (await CheckAsync(database)).Select(c => c.Status));

        await KeyScene.InstallAsync(database.Engine);
        var checks = await CheckAsync(database);

        Assert.Equal(14, checks.Count);
        Assert.All(checks, c => Assert.Equal((CheckStatus.Unknown, "Absent"), (c.Status, c.Details["State"])));
        Assert.Contains("no column external_id", checks.Single(c => c.Check == Messages).Message, StringComparison.Ordinal);
        Assert.Equal("Linkage.UniqueKeyRule.NotFound", (await Assert.ThrowsAsync<LinkageException>(() => CheckAsync(database, "nonsense"))).ErrorId);
    }

    [Fact]
    public async Task A_partitioned_table_is_checked_as_a_whole()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE messages (id int, external_id text) PARTITION BY HASH (external_id);
            CREATE TABLE messages_0 PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE messages_1 PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO messages SELECT i, (i % 8)::text FROM generate_series(1, 9) AS i;
            """);
        await database.InstallAsync();

        var before = (await CheckAsync(database, Messages)).Single();
        await database.ExecuteAsync("DELETE FROM messages WHERE id = 9; CREATE UNIQUE INDEX ON messages (external_id) WHERE external_id IS NOT NULL");
        var after = (await CheckAsync(database, Messages)).Single();

        Assert.Equal((CheckStatus.Critical, 1.0, CheckStatus.Healthy), (before.Status, before.Value, after.Status));
    }

    private static async Task<IReadOnlyList<CheckResult>> CheckAsync(LinkedDatabase database, params string[] rules)
    {
        List<CheckResult> checks = [];
        await foreach (var check in new UniqueKeyChecks(database.Engine).CheckAsync(rules, CancellationToken.None))
            checks.Add(check);
        return checks;
    }
}
