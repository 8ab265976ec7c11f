using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>Listing triggers, and switching them off and on: by the trigger itself, or by the switch where the role may not.</summary>
public sealed class LinkTriggersTests
{
    [Fact]
    public async Task Every_trigger_is_listed_with_its_state()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE message_deliveries DISABLE TRIGGER trigger_message_deliveries_auto_link_user;
            ALTER TABLE message_deliveries ENABLE ALWAYS TRIGGER trigger_message_deliveries_audit_user_link;
            ALTER TABLE event_guests ENABLE REPLICA TRIGGER trigger_backfill_deliveries_on_guest_link;
            CREATE TABLE "Odd Tickets" (id bigint PRIMARY KEY, phone text, user_id uuid, event uuid);
            INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, event_column)
            VALUES ('odd', 'public', 'Odd Tickets', '{id}', 'phone', 'user_id', 'event');
            """);

        var triggers = await new OwnTriggers(scene.Database.Engine).FindAsync(null, CancellationToken.None);

        Assert.Equal(
            [
                "public.message_deliveries Disabled Trigger", "public.message_deliveries Always ", "public.\"Odd Tickets\" Missing ",
                "public.\"Odd Tickets\" Missing ", "public.event_guests ReplicaOnly Trigger",
            ],
            triggers.Select(t => $"{t.Table} {t.State} {t.OffBy}"));
        Assert.Equal(2, (await new OwnTriggers(scene.Database.Engine).FindAsync(["public.\"Odd Tickets\""], CancellationToken.None)).Count);
        Assert.Single(await new OwnTriggers(scene.Database.Engine).FindAsync(["event_guests"], CancellationToken.None));
        await Assert.ThrowsAsync<LinkageException>(() => new OwnTriggers(scene.Database.Engine).FindAsync(["nowhere"], CancellationToken.None));
    }

    [Fact]
    public async Task The_owner_disables_and_enables_the_triggers_themselves()
    {
        await using var scene = await LinkScene.CreateAsync();

        Assert.Equal("Trigger", await SwitchAsync(scene.Database.Engine, "message_deliveries", false));
        Assert.Null(await SwitchAsync(scene.Database.Engine, "message_deliveries", false));
        Assert.Equal("DD", await EnabledAsync(scene, "message_deliveries"));
        Assert.Equal("Trigger", await SwitchAsync(scene.Database.Engine, "message_deliveries", true));
        Assert.Null(await SwitchAsync(scene.Database.Engine, "message_deliveries", true));
        Assert.Equal("OO", await EnabledAsync(scene, "message_deliveries"));
        Assert.Equal("O", await EnabledAsync(scene, "event_guests"));
    }

    [Fact]
    public async Task Who_may_not_alter_the_table_uses_the_switch_and_nothing_is_linked_or_audited()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var later = await scene.GuestAsync(scene.NewPhone(), null);
        var unlinked = await scene.DeliveryAsync(null, later);
        var role = await CreateRoleAsync(scene);
        await using (var operating = await ConnectAsync(scene, role))
        {
            Assert.Equal("Switch", await SwitchAsync(operating, "message_deliveries", false));
            Assert.Equal("Switch", await SwitchAsync(operating, "event_guests", false));
            Assert.Null(await SwitchAsync(operating, "event_guests", false));
            Assert.Equal("OOO", await EnabledAsync(scene, "message_deliveries") + await EnabledAsync(scene, "event_guests"));
            Assert.All(
                await new OwnTriggers(operating).FindAsync(null, CancellationToken.None),
                t => Assert.Equal(("SwitchedOff", "Switch", false, role), (t.State, t.OffBy, t.MayAlter, t.SwitchedOffBy)));

            var silent = await Sessions.InsertDeliveryAsync(scene.Database.Connection, guest);
            await Sessions.LinkGuestAsync(scene.Database.Connection, later, LinkScene.Bob);
            Assert.Null(await scene.UserOfAsync(silent));
            Assert.Null(await scene.UserOfAsync(unlinked));
            Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit"));

            Assert.Equal("Switch", await SwitchAsync(operating, "message_deliveries", true));
            var linked = await Sessions.InsertDeliveryAsync(scene.Database.Connection, guest);
            Assert.Equal([DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, linked));

            Assert.Equal("Switch", await SwitchAsync(scene.Database.Engine, "event_guests", true));
            await SwitchAsync(scene.Database.Engine, "event_guests", false);
            var fault = await Assert.ThrowsAsync<LinkageException>(() => SwitchAsync(operating, "event_guests", true));
            Assert.Equal("Linkage.Trigger.NotOwner", fault.ErrorId);
        }

        await DropRoleAsync(scene, role);
    }

    [Fact]
    public async Task Rows_of_a_statement_before_the_switch_are_audited_still()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);

        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION switch_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.status = 'last' THEN INSERT INTO linkage.trigger_switch VALUES (1); END IF; RETURN NEW; END $$;
            CREATE TRIGGER a_switch BEFORE INSERT ON message_deliveries FOR EACH ROW EXECUTE FUNCTION switch_off();
            INSERT INTO message_deliveries (guest_id, status) VALUES (@guest::uuid, 'first'), (@guest::uuid, 'last');
            """,
            new { guest });

        Assert.Equal(
            ["first linked", "last "],
            await scene.Database.QueryAsync<string>(
                "SELECT format('%s %s', d.status, a.outcome) FROM message_deliveries d LEFT JOIN user_link_audit a ON a.record_id = d.id ORDER BY 1"));
    }

    [Fact]
    public async Task A_missing_trigger_is_an_error_that_names_the_remedy()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync("DROP TRIGGER trigger_message_deliveries_audit_user_link ON message_deliveries");

        var fault = await Assert.ThrowsAsync<LinkageException>(() => SwitchAsync(scene.Database.Engine, "message_deliveries", true));

        Assert.Equal("Linkage.Trigger.Missing", fault.ErrorId);
        Assert.Contains("Install-LinkageSchema", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_in_use_is_waited_for_in_short_attempts()
    {
        await using var scene = await LinkScene.CreateAsync();
        await using var other = await scene.Database.OpenAsync();
        var holding = await other.BeginTransactionAsync();
        await Sessions.LinkGuestAsync(other, await scene.GuestAsync(scene.NewPhone(), null), LinkScene.Ann);
        var waited = new TaskCompletionSource();

        var switching = SwitchAsync(scene.Database.Engine, "event_guests", false, _ => waited.TrySetResult());
        await Task.WhenAny(waited.Task, switching);
        await holding.RollbackAsync();

        Assert.Equal("Trigger", await switching);
    }

    [Fact]
    public async Task An_uninstall_forgets_the_switch_though_it_keeps_the_history()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync("INSERT INTO linkage.trigger_switch VALUES (0), (1)");

        await new Linkage.Engine.Schema.SchemaUninstaller(scene.Database.Engine, includeHistory: false).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);
        await scene.Database.InstallAsync();

        Assert.All(await new OwnTriggers(scene.Database.Engine).FindAsync(null, CancellationToken.None), t => Assert.Equal("Enabled", t.State));
    }

    [Fact]
    public async Task Triggers_of_a_partitioned_table_are_disabled_on_every_partition()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            CREATE TABLE tickets (id bigint PRIMARY KEY, guest uuid, mobile text, owner uuid) PARTITION BY HASH (id);
            CREATE TABLE tickets_0 PARTITION OF tickets FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, guest_column)
            VALUES ('tickets', 'public', 'tickets', '{id}', 'mobile', 'owner', 'guest');
            SELECT linkage.create_link_triggers('tickets');
            """);
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);

        await SwitchAsync(scene.Database.Engine, "tickets", false);
        await scene.Database.ExecuteAsync("INSERT INTO tickets (id, guest) VALUES (1, @guest::uuid)", new { guest });
        await SwitchAsync(scene.Database.Engine, "tickets", true);
        await scene.Database.ExecuteAsync("INSERT INTO tickets (id, guest) VALUES (2, @guest::uuid)", new { guest });

        Assert.Equal([null, LinkScene.Ann], await scene.Database.QueryAsync<string?>("SELECT owner::text FROM tickets ORDER BY id"));
    }

    private static async Task<string?> SwitchAsync(LinkageDatabase database, string table, bool isOn, Action<string>? waiting = null)
    {
        var triggers = new OwnTriggers(database);
        return await triggers.SwitchAsync((await triggers.FindAsync([table], CancellationToken.None))[0], isOn, waiting, CancellationToken.None);
    }

    private static Task<string> EnabledAsync(LinkScene scene, string table) => scene.Database.ScalarAsync<string>(
        "SELECT string_agg(tgenabled::text, '' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = @table::regclass AND NOT tgisinternal", new { table });

    private static async Task<string> CreateRoleAsync(LinkScene scene)
    {
        var role = $"operator of {scene.Database.Engine.Database}";
        await scene.Database.ExecuteAsync(
            $"""
            CREATE ROLE "{role}" LOGIN PASSWORD 'secret';
            GRANT USAGE ON SCHEMA linkage TO "{role}";
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA linkage TO "{role}";
            GRANT SELECT ON ALL TABLES IN SCHEMA linkage TO "{role}";
            GRANT INSERT, DELETE ON linkage.trigger_switch TO "{role}";
            """);
        return role;
    }

    private static Task<LinkageDatabase> ConnectAsync(LinkScene scene, string role) => LinkageDatabase.OpenAsync(
        new NpgsqlConnectionStringBuilder(scene.Database.ConnectionString) { Username = role, Password = "secret" }.ConnectionString, CancellationToken.None);

    private static Task<int> DropRoleAsync(LinkScene scene, string role) =>
        scene.Database.ExecuteAsync($"DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"");
}
