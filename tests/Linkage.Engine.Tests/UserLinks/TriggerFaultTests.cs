using Dapper;
using Npgsql;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>Whatever fails in linking, the application's own write goes through, and no link is left without its audit row.</summary>
public sealed class TriggerFaultTests
{
    private const string BrokenNormalizer =
        "CREATE OR REPLACE FUNCTION normalize_phone(phone text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'broken'; END $$";

    [Theory]
    [InlineData("ALTER TABLE user_link_audit RENAME TO kept")]
    [InlineData("DROP TABLE user_link_audit CASCADE")]
    [InlineData("ALTER TABLE user_link_audit ADD CHECK (outcome <> 'linked') NOT VALID")]
    [InlineData("ALTER TABLE user_link_audit ADD COLUMN demanded integer NOT NULL")]
    [InlineData("ALTER TABLE user_link_audit RENAME COLUMN rule TO by_rule")]
    public async Task Without_its_audit_row_no_link_is_made_and_the_server_warns(string fault)
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, unlinked) = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync(fault);
        var warnings = Warnings(scene.Database.Connection);

        await WriteEverythingAsync(scene, guest);

        Assert.NotEmpty(warnings);
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        Assert.Equal("sent", await scene.Database.ScalarAsync<string>(
            "SELECT status FROM message_deliveries WHERE id = @unlinked::uuid", new { unlinked }));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_trigger_of_the_application_that_writes_the_same_row_again_finds_no_link_half_audited(bool isBroken)
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE message_deliveries SET status = status || ' again' WHERE id = NEW.id; RETURN NULL; END $$;
            CREATE TRIGGER a_touch AFTER INSERT ON message_deliveries FOR EACH ROW EXECUTE FUNCTION touch();
            """);
        if (isBroken)
            await scene.Database.ExecuteAsync("ALTER TABLE user_link_audit ADD COLUMN demanded integer NOT NULL");

        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (guest_id, status) SELECT @guest::uuid, 'new' FROM generate_series(1, 3)", new { guest });

        Assert.Equal(
            (3, isBroken ? 0 : 3, isBroken ? 0 : 3),
            Assert.Single(await scene.Database.QueryAsync<(long, long, long)>(
                """
                SELECT count(*), count(d.user_id), count(a.id)
                FROM message_deliveries d
                LEFT JOIN user_link_audit a ON a.record_id = d.id AND a.linked_user_id = d.user_id
                WHERE d.status = 'new again'
                """)));
    }

    [Theory]
    [InlineData("DROP TABLE linkage.link_suppression CASCADE")]
    [InlineData("ALTER TABLE linkage.link_suppression DROP COLUMN user_id CASCADE")]
    [InlineData("DROP TABLE linkage.trigger_switch")]
    [InlineData("ALTER TABLE event_guests RENAME COLUMN removed_at TO gone_at")]
    [InlineData("ALTER TABLE event_guests RENAME TO visitors")]
    [InlineData("ALTER TABLE users RENAME TO people")]
    [InlineData("DROP TABLE event_guests CASCADE")]
    [InlineData("DROP FUNCTION normalize_phone(text) CASCADE")]
    [InlineData(BrokenNormalizer)]
    [InlineData("CREATE OR REPLACE FUNCTION get_feature_flag(flag_name text) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 > 0'")]
    public async Task A_fault_in_deciding_is_audited_and_nothing_is_linked(string fault)
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, unlinked) = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync(fault);

        await WriteEverythingAsync(scene, guest);

        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        Assert.Equal("sent", await scene.Database.ScalarAsync<string>(
            "SELECT status FROM message_deliveries WHERE id = @unlinked::uuid", new { unlinked }));
        Assert.True(await scene.Database.ScalarAsync<bool>(
            """
            SELECT count(*) > 0 AND bool_and(a.outcome = 'skipped' AND a.metadata ->> 'reason' LIKE 'error %')
            FROM user_link_audit a
            WHERE a.record_id IN (SELECT id FROM message_deliveries WHERE status = 'new')
            """));
    }

    [Theory]
    [InlineData("id")]
    [InlineData("guest_id")]
    [InlineData("phone_number")]
    [InlineData("user_id")]
    public async Task A_column_that_was_renamed_is_a_fault_that_is_audited_for_each_row(string column)
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync($"ALTER TABLE message_deliveries RENAME COLUMN {column} TO renamed");
        string Name(string name) => name == column ? "renamed" : name;

        await scene.Database.ExecuteAsync(
            $"""
            INSERT INTO message_deliveries ({Name("guest_id")}, {Name("phone_number")}, status) SELECT @guest::uuid, '2125550123', 'new' FROM generate_series(1, 3);
            UPDATE message_deliveries SET {Name("phone_number")} = '2125550124', status = 'updated' WHERE status = 'pending';
            """,
            new { guest });

        Assert.Equal(
            ["new 1 0", "new 1 0", "new 1 0", "updated 1 0"],
            await scene.Database.QueryAsync<string>(
                $"""
                SELECT format('%s %s %s', d.status, count(a.id) FILTER (WHERE a.outcome = 'skipped' AND a.metadata ->> 'reason' LIKE 'error %'), count(d.{Name("user_id")}))
                FROM message_deliveries d
                LEFT JOIN user_link_audit a ON a.record_id = d.{Name("id")}
                GROUP BY d.{Name("id")}, d.status
                ORDER BY 1
                """));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("USAGE ON SCHEMA linkage; EXECUTE ON ALL FUNCTIONS IN SCHEMA linkage; INSERT ON user_link_audit; USAGE ON ALL SEQUENCES IN SCHEMA public", true)]
    [InlineData("USAGE ON SCHEMA linkage; EXECUTE ON ALL FUNCTIONS IN SCHEMA linkage; SELECT ON ALL TABLES IN SCHEMA linkage; SELECT, UPDATE ON ALL TABLES IN SCHEMA public", false)]
    public async Task An_owner_without_a_grant_fails_no_write(string grants, bool isAudited)
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        var role = $"poor of {scene.Database.Engine.Database}";
        await scene.Database.ExecuteAsync(
            $"""
            CREATE ROLE "{role}";
            ALTER FUNCTION auto_link_user_by_phone_trigger() OWNER TO "{role}";
            ALTER FUNCTION linkage.audit_user_link_trigger() OWNER TO "{role}";
            """);
        foreach (var grant in grants.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            await scene.Database.ExecuteAsync($"GRANT {grant} TO \"{role}\"");
        var warnings = Warnings(scene.Database.Connection);

        await WriteEverythingAsync(scene, guest);

        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        Assert.Equal(
            isAudited ? 4 : 0,
            await scene.Database.ScalarAsync<long>(
                """
                SELECT count(DISTINCT a.record_id)
                FROM user_link_audit a
                JOIN message_deliveries d ON d.id = a.record_id AND d.status = 'new'
                WHERE a.metadata ->> 'reason' LIKE 'error 42501%'
                """));
        Assert.Equal(isAudited, warnings.Count == 0);
        await scene.Database.ExecuteAsync($"DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"");
    }

    [Fact]
    public async Task An_audit_that_stays_locked_is_given_up_after_the_applications_lock_timeout_and_nothing_is_linked()
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        await using var other = await scene.Database.OpenAsync();
        await using var holding = await other.BeginTransactionAsync();
        await other.ExecuteAsync("LOCK TABLE user_link_audit IN SHARE MODE");
        var warnings = Warnings(scene.Database.Connection);

        await scene.Database.ExecuteAsync("SET lock_timeout = '20ms'");
        await WriteEverythingAsync(scene, guest);

        Assert.NotEmpty(warnings);
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
    }

    [Fact]
    public async Task A_guest_that_stays_locked_is_given_up_after_the_applications_lock_timeout()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await using var other = await scene.Database.OpenAsync();
        await using var holding = await other.BeginTransactionAsync();
        await Sessions.LinkGuestAsync(other, guest, LinkScene.Ann);

        await scene.Database.ExecuteAsync("SET lock_timeout = '50ms'");
        var delivery = await Sessions.InsertDeliveryAsync(scene.Database.Connection, guest);

        Assert.Equal([DeliveryAudit.ByTrigger("skipped", null)], await DeliveryAudit.OfAsync(scene.Database, delivery));
        Assert.Contains("55P03", await scene.Database.ScalarAsync<string>("SELECT metadata ->> 'reason' FROM user_link_audit"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_in_the_middle_of_a_multi_row_insert_keeps_links_and_audit_rows_in_step()
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        var bobs = await scene.GuestAsync(scene.NewPhone(), LinkScene.Bob);
        await scene.Database.ExecuteAsync($"ALTER TABLE user_link_audit ADD CHECK (linked_user_id <> '{LinkScene.Bob}') NOT VALID");

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO message_deliveries (guest_id, status)
            SELECT CASE WHEN i % 3 = 0 THEN @bobs::uuid ELSE @guest::uuid END, 'many' FROM generate_series(1, 30) AS i
            """,
            new { guest, bobs });

        Assert.Equal(
            (30, 20, 20, 0),
            Assert.Single(await scene.Database.QueryAsync<(long, long, long, long)>(
                """
                SELECT count(*), count(d.user_id), count(a.id), count(*) FILTER (WHERE (d.user_id IS NULL) <> (a.id IS NULL))
                FROM message_deliveries d
                LEFT JOIN user_link_audit a ON a.record_id = d.id
                WHERE d.status = 'many'
                """)));
    }

    [Fact]
    public async Task A_constraint_of_the_application_judges_a_link_as_it_judges_any_user()
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync($"ALTER TABLE message_deliveries ADD CONSTRAINT nothing_for_ann CHECK (user_id <> '{LinkScene.Ann}')");

        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => scene.Database.ExecuteAsync("INSERT INTO message_deliveries (guest_id) VALUES (@guest::uuid)", new { guest }));

        Assert.Equal(("23514", "nothing_for_ann"), (refused.SqlState, refused.ConstraintName));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit"));
    }

    [Fact]
    public async Task A_link_that_can_neither_be_audited_nor_taken_back_stands_and_the_server_warns_of_both()
    {
        await using var scene = await LinkScene.CreateAsync();
        var (guest, _) = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE user_link_audit ADD COLUMN demanded integer NOT NULL;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'Nobody is unlinked here.'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON message_deliveries FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION refuse();
            """);
        var warnings = Warnings(scene.Database.Connection);

        await scene.Database.ExecuteAsync("INSERT INTO message_deliveries (guest_id, status) VALUES (@guest::uuid, 'new')", new { guest });

        Assert.Equal(LinkScene.Ann, await scene.Database.ScalarAsync<string>(
            "SELECT user_id::text FROM message_deliveries WHERE status = 'new'"));
        Assert.Collection(
            warnings,
            warning => Assert.Contains("could not audit record", warning, StringComparison.Ordinal),
            warning => Assert.Contains("could not take back the link", warning, StringComparison.Ordinal));
    }

    /// <summary>A guest with a user, and a delivery of the guest that came in past the triggers.</summary>
    private static async Task<(string Guest, string Unlinked)> PrepareAsync(LinkScene scene)
    {
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        return (guest, await scene.DeliveryAsync(scene.NewPhone(), guest));
    }

    /// <summary>An insert, one of several rows, an upsert and an update: all of them must go through.</summary>
    private static async Task WriteEverythingAsync(LinkScene scene, string guest)
    {
        await scene.Database.ExecuteAsync("INSERT INTO message_deliveries (guest_id, phone_number, status) VALUES (@guest::uuid, '2125550123', 'new')", new { guest });
        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (guest_id, phone_number, status) SELECT @guest::uuid, '2125550124', 'new' FROM generate_series(1, 3)", new { guest });
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO message_deliveries AS d (id, guest_id, phone_number)
            SELECT id, guest_id, phone_number FROM message_deliveries WHERE status = 'pending'
            ON CONFLICT (id) DO UPDATE SET user_id = COALESCE(excluded.user_id, d.user_id), status = 'upserted'
            """);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET status = 'sent', phone_number = '2125550125' WHERE status = 'upserted'");
        Assert.Equal(5, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM message_deliveries"));
    }

    internal static List<string> Warnings(NpgsqlConnection connection)
    {
        List<string> warnings = [];
        connection.Notice += (_, notice) =>
        {
            if (notice.Notice.InvariantSeverity == "WARNING")
                warnings.Add(notice.Notice.MessageText);
        };
        return warnings;
    }
}
