using Linkage.Engine.Checks;
using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class DeliveryIntegrityTests
{
    private static readonly string[] _checks =
        ["DeliveryInconsistencyRate", "SuppressedDeliveries", "DeliveryTriggers", "TriggerSuccessRate", "BackfillActivity", "LinkingFlags"];

    [Fact]
    public async Task Of_a_whole_database_every_check_is_healthy()
    {
        await using var scene = await LinkScene.CreateAsync();

        var checks = await CheckAsync(scene.Database);

        Assert.Equal(_checks, checks.Keys);
        Assert.All(checks.Values, check => Assert.Equal(CheckStatus.Healthy, check.Status));
        Assert.Equal(0, checks["DeliveryInconsistencyRate"].Value);
    }

    [Theory]
    [InlineData(0, CheckStatus.Healthy, 0)]
    [InlineData(1, CheckStatus.Warning, 0)]
    [InlineData(2, CheckStatus.Warning, 0)]
    [InlineData(3, CheckStatus.Critical, 1)]
    public async Task The_rate_is_the_share_of_all_deliveries_and_a_threshold_must_be_exceeded(
        int inconsistent, CheckStatus expected, double threshold)
    {
        await using var scene = await LinkScene.CreateAsync();
        for (var i = 0; i < inconsistent; i++)
            await scene.LinkableAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (user_id) SELECT @Ann::uuid FROM generate_series(1, @linked)", new { Ann, linked = 200 - inconsistent });

        var rate = (await CheckAsync(scene.Database, new() { Exact = true }))["DeliveryInconsistencyRate"];

        Assert.Equal((expected, inconsistent / 2.0, threshold), (rate.Status, rate.Value!.Value, rate.Threshold!.Value));
    }

    [Fact]
    public async Task Only_an_active_guests_existing_user_makes_a_delivery_inconsistent()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), null));
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann, removed: true));
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), "a0000000-0000-0000-0000-00000000dead"));
        await scene.DeliveryAsync(scene.NewPhone(), null);

        Assert.Equal(0, (await CheckAsync(scene.Database))["DeliveryInconsistencyRate"].Value);
        await scene.LinkableAsync();
        Assert.Equal(20, (await CheckAsync(scene.Database, new() { Exact = true }))["DeliveryInconsistencyRate"].Value);
    }

    [Fact]
    public async Task What_an_undo_keeps_unlinked_is_counted_apart()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);
        await scene.LinkableAsync();

        var checks = await CheckAsync(scene.Database, new() { Exact = true });

        Assert.Equal(1L, checks["DeliveryInconsistencyRate"].Details["Inconsistent"]);
        Assert.Equal(2L, checks["DeliveryInconsistencyRate"].Details["Suppressed"]);
        Assert.Equal((CheckStatus.Healthy, 2), (checks["SuppressedDeliveries"].Status, checks["SuppressedDeliveries"].Value));
    }

    [Fact]
    public async Task The_number_of_deliveries_is_estimated_from_statistics_and_the_message_says_so()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (user_id) SELECT @Ann::uuid FROM generate_series(1, 999); ANALYZE message_deliveries", new { Ann });
        // Rows that the statistics do not know of would show a count.
        await scene.Database.ExecuteAsync("UPDATE pg_class SET reltuples = 2000 WHERE oid = 'message_deliveries'::regclass");

        var estimated = (await CheckAsync(scene.Database))["DeliveryInconsistencyRate"];
        var exact = (await CheckAsync(scene.Database, new() { Exact = true }))["DeliveryInconsistencyRate"];

        Assert.Equal((0.05, 2000L, true), (estimated.Value!.Value, estimated.Details["Deliveries"], estimated.Details["IsEstimate"]));
        Assert.Contains("estimated", estimated.Message, StringComparison.Ordinal);
        Assert.Equal((0.1, 1000L, false), (exact.Value!.Value, exact.Details["Deliveries"], exact.Details["IsEstimate"]));
    }

    [Fact]
    public async Task A_table_that_was_never_analyzed_does_not_make_a_rate_of_nonsense()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.Database.ExecuteAsync("INSERT INTO message_deliveries (user_id) SELECT @Ann::uuid FROM generate_series(1, 9)", new { Ann });
        Assert.True(await scene.Database.ScalarAsync<double>("SELECT reltuples FROM pg_class WHERE oid = 'message_deliveries'::regclass") <= 0);

        Assert.Equal(10, (await CheckAsync(scene.Database))["DeliveryInconsistencyRate"].Value);
    }

    [Fact]
    public async Task A_partitioned_table_is_estimated_by_its_leaves()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE parted (id int) PARTITION BY RANGE (id);
            CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
            CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (1000) TO (3000) PARTITION BY RANGE (id);
            CREATE TABLE parted_3 PARTITION OF parted_2 FOR VALUES FROM (1000) TO (3000);
            CREATE TABLE parted_4 PARTITION OF parted FOR VALUES FROM (3000) TO (9000);
            INSERT INTO parted SELECT generate_series(0, 2999);
            ANALYZE parted_1; ANALYZE parted_3
            """);

        Assert.Equal(3000, await database.ScalarAsync<long>("SELECT linkage.estimated_rows('parted')"));
        await database.ExecuteAsync("UPDATE pg_class SET reltuples = 0 WHERE relname IN ('parted_1'); SELECT pg_stat_reset()");
        Assert.Null(await database.ScalarAsync<long?>("SELECT linkage.estimated_rows('parted')"));
    }

    [Theory]
    [InlineData("DROP INDEX idx_message_deliveries_guest_user_null")]
    [InlineData("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_message_deliveries_guest_user_null'::regclass")]
    public async Task Without_its_index_the_rate_is_unknown_rather_than_a_scan_and_the_index_is_named(string lose)
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.Database.ExecuteAsync(lose);

        var rate = (await CheckAsync(scene.Database))["DeliveryInconsistencyRate"];

        Assert.Equal((CheckStatus.Unknown, null), (rate.Status, rate.Value));
        Assert.Contains("idx_message_deliveries_guest_user_null", rate.Message, StringComparison.Ordinal);
        Assert.Contains("Install-LinkageSchema", rate.Message, StringComparison.Ordinal);
        Assert.Equal(100, (await CheckAsync(scene.Database, new() { Exact = true }))["DeliveryInconsistencyRate"].Value);
    }

    [Theory]
    [InlineData("DROP INDEX idx_user_link_audit_without_run")]
    [InlineData("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_user_link_audit_without_run'::regclass")]
    public async Task Without_its_index_the_activity_is_unknown_and_the_index_is_named(string lose)
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.BackfillAsync();
        await scene.Database.ExecuteAsync(lose);

        var checks = await CheckAsync(scene.Database);

        foreach (var name in new[] { "TriggerSuccessRate", "BackfillActivity" })
        {
            Assert.Equal((CheckStatus.Unknown, null), (checks[name].Status, checks[name].Value));
            Assert.Contains("idx_user_link_audit_without_run", checks[name].Message, StringComparison.Ordinal);
            Assert.Contains("Install-LinkageSchema", checks[name].Message, StringComparison.Ordinal);
        }

        Assert.Equal(1, (await CheckAsync(scene.Database, new() { Exact = true }))["BackfillActivity"].Value);
        await scene.Database.InstallAsync();
        Assert.Equal(1, (await CheckAsync(scene.Database))["BackfillActivity"].Value);
    }

    [Fact]
    public async Task A_guests_deliveries_are_counted_each_and_backfills_by_hand_count_as_well()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        foreach (var _ in (int[])[1, 2, 3])
            await scene.DeliveryAsync(null, guest);
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE event_guests DISABLE TRIGGER USER;
            UPDATE event_guests SET user_id = @Ann::uuid WHERE id = @guest::uuid;
            ALTER TABLE event_guests ENABLE TRIGGER USER;
            """,
            new { Ann, guest });

        Assert.Equal(3L, (await CheckAsync(scene.Database))["DeliveryInconsistencyRate"].Details["Inconsistent"]);
        await scene.Database.ExecuteAsync("SELECT backfill_guest_deliveries(@guest::uuid, @Ann::uuid)", new { Ann, guest });
        await scene.LinkableAsync();
        await scene.BackfillAsync();

        var checks = await CheckAsync(scene.Database);
        Assert.Equal(0L, checks["DeliveryInconsistencyRate"].Details["Inconsistent"]);
        Assert.Equal((4.0, 1L), (checks["BackfillActivity"].Value!.Value, checks["BackfillActivity"].Details["Runs"]));
    }

    [Fact]
    public async Task Without_Linkage_every_check_is_unknown()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();

        var checks = await CheckAsync(database);

        Assert.Equal(_checks, checks.Keys);
        Assert.All(checks.Values, check => Assert.Equal(CheckStatus.Unknown, check.Status));
        Assert.Contains("Install-LinkageSchema", checks["LinkingFlags"].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_table_or_the_audit_what_needs_them_is_unknown_and_the_rest_is_checked()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync("DROP TABLE message_deliveries; DROP TABLE user_link_audit");

        var checks = await CheckAsync(scene.Database);

        Assert.Equal(
            ["DeliveryInconsistencyRate", "SuppressedDeliveries", "TriggerSuccessRate", "BackfillActivity"],
            checks.Values.Where(check => check.Status == CheckStatus.Unknown).Select(check => check.Check));
        Assert.Contains("message_deliveries", checks["DeliveryInconsistencyRate"].Message, StringComparison.Ordinal);
        Assert.Equal((CheckStatus.Critical, 2), (checks["DeliveryTriggers"].Status, checks["DeliveryTriggers"].Value));
    }

    [Theory]
    [InlineData("ALTER TABLE message_deliveries DISABLE TRIGGER trigger_message_deliveries_auto_link_user", "Disabled")]
    [InlineData("ALTER TABLE event_guests ENABLE REPLICA TRIGGER trigger_backfill_deliveries_on_guest_link", "ReplicaOnly")]
    [InlineData("DROP TRIGGER trigger_message_deliveries_audit_user_link ON message_deliveries", "Missing")]
    [InlineData("INSERT INTO linkage.trigger_switch VALUES (0)", "SwitchedOff")]
    public async Task A_trigger_that_does_not_fire_is_critical(string silence, string state)
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(silence);

        var triggers = (await CheckAsync(scene.Database))["DeliveryTriggers"];

        Assert.Equal((CheckStatus.Critical, 1), (triggers.Status, triggers.Value));
        Assert.Equal([state], triggers.Details.Where(detail => detail.Key != "Table" && detail.Value as string != "Enabled").Select(detail => detail.Value));
    }

    [Fact]
    public async Task Triggers_and_backfills_are_measured_by_what_they_did_lately()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.BackfillAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), Ann);
        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (guest_id) VALUES (@guest::uuid); INSERT INTO message_deliveries (phone_number) VALUES ('nonsense')", new { guest });

        var lately = await CheckAsync(scene.Database);
        await scene.AgeAuditAsync(TimeSpan.FromDays(2));
        var later = await CheckAsync(scene.Database);

        Assert.Equal((CheckStatus.Healthy, 50), (lately["TriggerSuccessRate"].Status, lately["TriggerSuccessRate"].Value));
        Assert.Equal((CheckStatus.Healthy, 1), (lately["BackfillActivity"].Status, lately["BackfillActivity"].Value));
        Assert.Equal((CheckStatus.Healthy, null), (later["TriggerSuccessRate"].Status, later["TriggerSuccessRate"].Value));
        Assert.Equal(1, (await CheckAsync(scene.Database, new() { Last = TimeSpan.FromDays(3) }))["BackfillActivity"].Value);
    }

    [Fact]
    public async Task Faults_of_the_trigger_and_failed_backfills_warn()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO user_link_audit (table_name, outcome, source, metadata)
            VALUES ('message_deliveries', 'skipped', 'trigger', '{"reason": "error 42883: no such function"}')
            """);
        await scene.BackfillAsync();
        await scene.Database.ExecuteAsync("UPDATE linkage.run SET status = 'failed'");

        var checks = await CheckAsync(scene.Database);

        Assert.Equal((CheckStatus.Warning, 1L), (checks["TriggerSuccessRate"].Status, checks["TriggerSuccessRate"].Details["Faults"]));
        Assert.Equal((CheckStatus.Warning, 1L), (checks["BackfillActivity"].Status, checks["BackfillActivity"].Details["RunsFailed"]));
    }

    [Fact]
    public async Task Linking_that_is_switched_off_warns()
    {
        await using var scene = await LinkScene.CreateAsync();
        await new FeatureFlags(scene.Database.Engine).SetAsync(FeatureFlags.LinkUserByPhone, false, CancellationToken.None);

        Assert.Equal(CheckStatus.Warning, (await CheckAsync(scene.Database))["LinkingFlags"].Status);
    }

    [Theory]
    [InlineData(0, 0, CheckStatus.Healthy)]
    [InlineData(2, 0, CheckStatus.Critical)]
    [InlineData(2, 1, CheckStatus.Critical)]
    [InlineData(2, 2, CheckStatus.Healthy)]
    public async Task Wrong_links_are_counted_on_demand_and_the_way_to_mend_them_is_named(int wrong, long threshold, CheckStatus expected)
    {
        await using var scene = await LinkScene.CreateAsync();
        for (var i = 0; i < wrong; i++)
            await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Bob);
        await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), Ann), user: Ann);

        var found = (await CheckAsync(scene.Database, new() { Full = true, WrongAbove = threshold }))["WrongUserLinks"];

        Assert.Equal((expected, wrong, threshold), (found.Status, found.Value!.Value, found.Threshold!.Value));
        Assert.Equal(wrong > 0, found.Message.Contains("Get-WrongUserLink", StringComparison.Ordinal));
        Assert.Equal(wrong > 0, found.Message.Contains("Repair-UserLink", StringComparison.Ordinal));
        Assert.DoesNotContain("WrongUserLinks", (await CheckAsync(scene.Database)).Keys);
    }

    [Theory]
    [InlineData("event_guests")]
    [InlineData("message_deliveries")]
    [InlineData("user_link_audit")]
    public async Task Without_a_table_that_wrong_links_are_judged_by_they_are_unknown_or_need_it_not(string table)
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync($"DROP TABLE {table} CASCADE");

        var found = (await CheckAsync(scene.Database, new() { Full = true }))["WrongUserLinks"];

        Assert.Equal(table == "user_link_audit" ? CheckStatus.Healthy : CheckStatus.Unknown, found.Status);
    }

    [Fact]
    public async Task A_table_that_is_no_target_is_an_error()
    {
        await using var scene = await LinkScene.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(() => CheckAsync(scene.Database, new() { Table = "users; --" }));

        Assert.Equal("Linkage.Target.NotFound", fault.ErrorId);
    }

    private static async Task<Dictionary<string, CheckResult>> CheckAsync(LinkedDatabase database, DeliveryIntegrityOptions? options = null)
    {
        Dictionary<string, CheckResult> checks = [];
        await foreach (var check in new DeliveryIntegrity(database.Engine).CheckAsync(options ?? new(), CancellationToken.None))
            checks.Add(check.Check, check);
        return checks;
    }
}
