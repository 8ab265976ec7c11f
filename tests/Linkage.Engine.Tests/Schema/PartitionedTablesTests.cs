using Linkage.Engine.Schema;

namespace Linkage.Engine.Tests.Schema;

public sealed class PartitionedTablesTests
{
    /// <summary>Deliveries by month; one month is itself partitioned, and lives in another schema.</summary>
    private const string Partition =
        """
        ALTER TABLE message_deliveries RENAME TO plain_deliveries;
        CREATE TABLE message_deliveries (LIKE plain_deliveries INCLUDING DEFAULTS, PRIMARY KEY (id, created_at)) PARTITION BY RANGE (created_at);
        CREATE SCHEMA "Old Months";
        CREATE TABLE deliveries_now PARTITION OF message_deliveries DEFAULT;
        CREATE TABLE "Old Months"."2020" PARTITION OF message_deliveries FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY RANGE (created_at);
        CREATE TABLE "Old Months"."2020 first half" PARTITION OF "Old Months"."2020" FOR VALUES FROM ('2020-01-01') TO ('2020-07-01');
        CREATE TABLE "Old Months"."2020 second half" PARTITION OF "Old Months"."2020" FOR VALUES FROM ('2020-07-01') TO ('2021-01-01');
        """;

    [Fact]
    public async Task Indexes_are_built_on_every_partition_and_attached_and_triggers_work_on_all()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(Partition);

        await database.InstallAsync();

        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
        Assert.Equal(
            5 * 2,
            await database.ScalarAsync<int>(
                """
                SELECT count(*) FROM pg_partition_tree('idx_message_deliveries_phone_user_null'::regclass) t JOIN pg_index i ON i.indexrelid = t.relid AND i.indisvalid
                """) + await database.ScalarAsync<int>(
                "SELECT count(*) FROM pg_partition_tree('idx_message_deliveries_guest_user_null'::regclass) t JOIN pg_index i ON i.indexrelid = t.relid AND i.indisvalid"));
        await database.ExecuteAsync(
            """
            INSERT INTO events (id) VALUES ('00000000-0000-0000-0000-0000000000e1');
            INSERT INTO users (id, phone) VALUES ('00000000-0000-0000-0000-0000000000a1', '8725292147');
            INSERT INTO event_guests (id, event_id, phone, user_id)
            VALUES ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000e1', '8725292147', '00000000-0000-0000-0000-0000000000a1');
            INSERT INTO message_deliveries (guest_id, created_at)
            VALUES ('00000000-0000-0000-0000-0000000000b1', now()), ('00000000-0000-0000-0000-0000000000b1', '2020-02-02');
            """);
        Assert.Equal(2, await database.ScalarAsync<int>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        Assert.Equal(2, await database.ScalarAsync<int>("SELECT count(*) FROM user_link_audit WHERE outcome = 'linked' AND record_key IS NOT NULL"));
    }

    [Fact]
    public async Task An_uninstall_takes_all_of_them_away()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(Partition);
        const string Indexes = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid::regclass::text ~ 'deliveries|Old' ORDER BY 1";
        var before = await database.QueryAsync<string>(Indexes);
        await database.InstallAsync();

        await new SchemaUninstaller(database.Engine, includeHistory: true).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);

        Assert.Equal(before, await database.QueryAsync<string>(Indexes));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"));
    }

    [Fact]
    public async Task A_partition_that_is_missing_its_index_after_an_interruption_gets_it()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(Partition);
        await database.ExecuteAsync("CREATE INDEX idx_message_deliveries_phone_user_null ON ONLY message_deliveries (phone_number) WHERE user_id IS NULL");

        await database.InstallAsync();

        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"));
    }
}
