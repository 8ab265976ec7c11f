namespace Linkage.Engine.Tests.UserLinks;

/// <summary>The triggers of targets other than message_deliveries: made from one template, with each table's own names.</summary>
public sealed class TargetTriggerTests
{
    private const string Invitations =
        """
        CREATE SCHEMA "Odd ""Schema";
        CREATE TABLE "Odd ""Schema"."Invitations %s" (
          "select" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Phone's" varchar(30), "User ""Id" uuid, "Event" uuid, note text);
        INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, event_column)
        VALUES ('odd', 'Odd "Schema', 'Invitations %s', '{select}', 'Phone''s', 'User "Id', 'Event');
        SELECT linkage.create_link_triggers('odd');
        """;

    private const string Tickets =
        """
        CREATE TABLE tickets (event uuid, seat text, guest uuid, mobile text, owner uuid, PRIMARY KEY (event, seat)) PARTITION BY HASH (event);
        CREATE TABLE tickets_0 PARTITION OF tickets FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE tickets_1 PARTITION OF tickets FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, guest_column)
        VALUES ('tickets', 'public', 'tickets', '{event,seat}', 'mobile', 'owner', 'guest');
        SELECT linkage.create_link_triggers('tickets');
        """;

    private const string Objects =
        """
        SELECT format('%s %s', t.tgrelid::regclass, t.tgname) FROM pg_trigger t
        WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgrelid NOT IN ('message_deliveries'::regclass, 'event_guests'::regclass)
        UNION ALL
        SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.proname ~ '^link_target_\d+_trigger$'
        ORDER BY 1
        """;

    [Fact]
    public async Task A_table_with_its_own_event_and_without_guests_is_linked_by_phone()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(Invitations);
        var phone = scene.NewPhone();
        await scene.GuestAsync(phone, LinkScene.Ann);

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO "Odd ""Schema"."Invitations %s" ("Phone's", "Event", note) VALUES
              (@phone, @event::uuid, 'linked'), (@phone, @other::uuid, 'elsewhere'), (NULL, @event::uuid, 'nothing'), (@phone, NULL, 'no event');
            UPDATE "Odd ""Schema"."Invitations %s" SET "Event" = @event::uuid WHERE note = 'elsewhere';
            """,
            new { phone, @event = LinkScene.Event, other = LinkScene.OtherEvent });

        Assert.Equal(
            [("elsewhere", LinkScene.Ann), ("linked", LinkScene.Ann), ("no event", null), ("nothing", null)],
            await scene.Database.QueryAsync<(string, string?)>(
                """SELECT note, "User ""Id"::text FROM "Odd ""Schema"."Invitations %s" ORDER BY note"""));
        Assert.Equal(
            [("1", "linked", "event phone"), ("2", "no_match", "event phone"), ("4", "skipped", null), ("2", "linked", "event phone")],
            await scene.Database.QueryAsync<(string, string, string?)>(
                "SELECT record_key, outcome, rule FROM user_link_audit WHERE table_name = 'odd' AND source = 'trigger' ORDER BY id"));
    }

    [Fact]
    public async Task A_partitioned_table_with_a_key_of_two_columns_is_linked_through_its_guests()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(Tickets);
        var ann = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var later = await scene.GuestAsync(scene.NewPhone(), null);

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO tickets (event, seat, guest)
            SELECT e::uuid, 'seat ' || i, CASE WHEN i = 1 THEN @ann::uuid ELSE @later::uuid END
            FROM unnest(ARRAY[@one, @two]) AS e CROSS JOIN generate_series(1, 2) AS i;
            UPDATE event_guests SET user_id = @bob::uuid WHERE id = @later::uuid;
            """,
            new { ann, later, bob = LinkScene.Bob, one = LinkScene.Event, two = LinkScene.OtherEvent });

        Assert.Equal(
            [LinkScene.Ann, LinkScene.Bob, LinkScene.Ann, LinkScene.Bob],
            await scene.Database.QueryAsync<string>("SELECT owner::text FROM tickets ORDER BY event, seat"));
        Assert.Equal(
            [("linked", "guest link", 2L), ("linked", "trigger", 2L), ("skipped", "trigger", 2L)],
            await scene.Database.QueryAsync<(string, string, long)>(
                "SELECT outcome, source, count(*) FROM user_link_audit WHERE table_name LIKE 'tickets%' GROUP BY 1, 2 ORDER BY 1, 2"));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(
            """
            SELECT count(*) FROM tickets t
            WHERE NOT EXISTS (
              SELECT FROM user_link_audit a
              WHERE a.record_key = jsonb_build_array(t.event::text, t.seat)::text AND a.linked_user_id = t.owner AND a.outcome = 'linked')
            """));
    }

    [Fact]
    public async Task Rows_of_several_targets_in_one_statement_are_audited_each_under_its_own()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(Invitations + Tickets);
        var phone = scene.NewPhone();
        var guest = await scene.GuestAsync(phone, LinkScene.Ann);

        await scene.Database.ExecuteAsync(
            """
            WITH t AS (
              INSERT INTO tickets (event, seat, guest) SELECT @event::uuid, i::text, @guest::uuid FROM generate_series(1, 3) AS i RETURNING seat
            ), d AS (
              INSERT INTO message_deliveries (guest_id) SELECT @guest::uuid FROM t RETURNING id
            )
            INSERT INTO "Odd ""Schema"."Invitations %s" ("Phone's", "Event") SELECT @phone, @event::uuid FROM d, t
            """,
            new { guest, phone, @event = LinkScene.Event });

        Assert.Equal(
            [("message_deliveries", 3L, 3L), ("odd", 9L, 9L), ("tickets", 3L, 3L)],
            await scene.Database.QueryAsync<(string, long, long)>(
                """
                SELECT table_name, count(DISTINCT COALESCE(record_key, record_id::text)), count(*) FILTER (WHERE outcome = 'linked')
                FROM user_link_audit GROUP BY 1 ORDER BY 1
                """));
    }

    [Fact]
    public async Task An_upgrade_makes_them_anew_and_an_uninstall_takes_them_away()
    {
        await using var scene = await LinkScene.CreateAsync();
        var database = scene.Database;
        await database.ExecuteAsync(Invitations + Tickets);
        var before = await database.QueryAsync<string>(Objects);
        Assert.Equal(2 * 3, before.Count);

        await database.ExecuteAsync(
            """
            DROP TRIGGER trigger_linkage_auto_link_user ON tickets;
            UPDATE linkage.migration SET checksum = 'another' WHERE name = 'R__6_triggers';
            """);
        await database.InstallAsync();

        Assert.Equal(before, await database.QueryAsync<string>(Objects));
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);

        await new Linkage.Engine.Schema.SchemaUninstaller(database.Engine, includeHistory: true).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);
        Assert.Empty(await database.QueryAsync<string>(Objects));
    }

    [Fact]
    public async Task A_target_whose_table_is_gone_does_not_hold_up_an_upgrade()
    {
        await using var scene = await LinkScene.CreateAsync();
        var database = scene.Database;
        await database.ExecuteAsync(Invitations + Tickets);
        var before = await database.QueryAsync<string>(Objects);
        await database.ExecuteAsync(
            """
            DROP TABLE tickets;
            ALTER TABLE "Odd ""Schema"."Invitations %s" RENAME COLUMN "User ""Id" TO other;
            UPDATE linkage.migration SET checksum = 'another' WHERE name = 'R__6_triggers';
            """);

        await database.InstallAsync();

        Assert.Equal(before.Where(o => !o.StartsWith("tickets", StringComparison.Ordinal)), await database.QueryAsync<string>(Objects));
    }

    [Fact]
    public async Task Dropping_the_triggers_of_a_target_leaves_the_others_and_the_install_whole()
    {
        await using var scene = await LinkScene.CreateAsync();
        var database = scene.Database;
        var before = await database.QueryAsync<string>("SELECT object FROM linkage.installed_object ORDER BY 1");
        await database.ExecuteAsync(Invitations + Tickets);

        await database.ExecuteAsync("SELECT linkage.drop_link_triggers('odd'), linkage.drop_link_triggers('tickets'); DELETE FROM linkage.link_target WHERE name <> 'message_deliveries'");

        Assert.Empty(await database.QueryAsync<string>(Objects));
        Assert.Equal(before, await database.QueryAsync<string>("SELECT object FROM linkage.installed_object ORDER BY 1"));
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task Nobody_but_the_owner_may_call_a_targets_function_and_its_path_is_locked()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(Invitations);

        Assert.Equal(
            (true, true, true, false),
            Assert.Single(await scene.Database.QueryAsync<(bool, bool, bool, bool)>(
                """
                SELECT
                  p.prosecdef, p.proowner = n.nspowner, p.proconfig = ARRAY['search_path=pg_catalog, pg_temp', 'row_security=off'],
                  EXISTS (SELECT FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
                FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE p.proname ~ '^link_target_\d+_trigger$'
                """)));
    }
}
