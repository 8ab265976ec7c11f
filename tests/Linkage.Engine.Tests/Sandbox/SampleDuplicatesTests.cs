using Dapper;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests.Sandbox;

public class SampleDuplicatesTests
{
    private static readonly string[] _tables =
    [
        "messages", "message_attachments", "businesses", "business_owners", "unified_lead_cards", "campaign_queue", "skiptrace_results",
        "lead_activities", "leads", "persona_phones",
    ];

    [Fact]
    public async Task Equal_seeds_give_equal_rows_and_another_seed_gives_others()
    {
        List<string[]> rows = [];
        foreach (var seed in (long[])[7, 7, 8])
        {
            await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
            await using var connection = await database.OpenAsync();
            await SampleDuplicates.FillAsync(connection, 100, seed, default);
            rows.Add(await Task.WhenAll(_tables.Select(table => DigestAsync(database, table))));
        }

        Assert.Equal(rows[0], rows[1]);
        Assert.Empty(rows[0].Intersect(rows[2]));
    }

    [Theory]
    [InlineData(SampleDuplicates.Minimum)]
    [InlineData(2000)]
    public async Task The_overview_counts_what_is_in_the_tables_and_no_case_is_missing(int duplicates)
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        var overview = await SampleDuplicates.FillAsync(connection, duplicates, 1, default);

        var counted = await connection.QuerySingleAsync<SampleDuplicatesOverview>("""
            WITH shared (members) AS (
              SELECT count(*) FROM messages WHERE external_id IS NOT NULL GROUP BY external_id
              UNION ALL
              SELECT count(*) FROM businesses WHERE source_record_id IS NOT NULL GROUP BY team_id, source_record_id, source_file
              UNION ALL
              SELECT count(*) FROM unified_lead_cards GROUP BY team_id, persona_id
              UNION ALL
              SELECT count(*) FROM campaign_queue WHERE status = 'pending' GROUP BY team_id, lead_card_id, agent, channel
              UNION ALL
              SELECT count(*) FROM skiptrace_results WHERE persona_id IS NOT NULL GROUP BY team_id, persona_id, provider
              UNION ALL
              SELECT count(*) FROM lead_activities WHERE external_id IS NOT NULL GROUP BY team_id, external_id
            )
            SELECT
              (SELECT count(*) FROM messages) AS messages,
              (SELECT count(*) FROM businesses) AS businesses,
              (SELECT count(*) FROM unified_lead_cards) AS "leadCards",
              (SELECT count(*) FROM campaign_queue) AS "queueEntries",
              (SELECT count(*) FROM skiptrace_results) AS "skiptraceResults",
              (SELECT count(*) FROM lead_activities) AS "leadActivities",
              (SELECT sum(members - 1)::bigint FROM shared) AS duplicates,
              (SELECT count(*) FROM shared WHERE members > 1) AS groups,
              (SELECT count(*) FROM messages WHERE external_id IS NULL) AS "messagesWithoutKey",
              (SELECT count(*) FROM campaign_queue WHERE status <> 'pending') AS "finishedEntries",
              (
                SELECT count(*) - count(DISTINCT (m.external_id, a.url))
                FROM message_attachments a
                JOIN messages m ON m.id = a.message_id
                WHERE m.external_id IS NOT NULL
              ) AS "clashingAttachments"
            """);

        Assert.Equal(overview, counted);
        Assert.Equal(duplicates, counted.Duplicates);
        Assert.All(typeof(SampleDuplicatesOverview).GetProperties(), property => Assert.NotEqual(0L, property.GetValue(counted)));
    }

    [Fact]
    public async Task Keys_and_foreign_keys_hold()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await SampleDuplicates.FillAsync(connection, 500, 1, default);

        Assert.Equal(
            10, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"));
    }

    [Fact]
    public async Task Messages_of_the_other_application_stay_and_get_an_external_id()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(200);
        await using var connection = await database.OpenAsync();
        var before = await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM messages");

        var overview = await SampleDuplicates.FillAsync(connection, SampleDuplicates.Minimum, 1, default);

        Assert.Equal(before + overview.Messages, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM messages"));
        Assert.Equal(before, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM messages WHERE body NOT LIKE 'Message %' OR external_id IS NULL")
            - overview.MessagesWithoutKey);
    }

    [Fact]
    public async Task Tables_that_are_there_already_and_too_few_duplicates_are_refused()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => SampleDuplicates.FillAsync(connection, SampleDuplicates.Minimum - 1, 1, default));
        Assert.False(await connection.ExecuteScalarAsync<bool>("SELECT to_regclass('messages') IS NOT NULL"));

        await SampleDuplicates.FillAsync(connection, SampleDuplicates.Minimum, 1, default);
        await Assert.ThrowsAsync<PostgresException>(() => SampleDuplicates.FillAsync(connection, SampleDuplicates.Minimum, 2, default));
    }

    private static async Task<string> DigestAsync(TestDatabase database, string table)
    {
        await using var connection = await database.OpenAsync();
        return await connection.ExecuteScalarAsync<string>($"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t") ?? "";
    }
}
