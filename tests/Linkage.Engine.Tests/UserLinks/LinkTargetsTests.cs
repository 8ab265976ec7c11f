using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Schema;
using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.TargetScene;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What becomes of a table that is registered as a target, and of what hangs on it.</summary>
public sealed class LinkTargetsTests
{
    [Fact]
    public async Task A_table_is_registered_under_its_name_by_its_primary_key_and_its_triggers_fire()
    {
        await using var scene = await CreateAsync(Tickets);

        var done = await RegisterAsync(scene, TicketsByGuest);

        Assert.Equal(("Registered", "tickets", "public.tickets"), (done.Change, done.Target.Name, done.Target.Table));
        Assert.Equal(["id"], done.Target.KeyColumns);
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await scene.Database.ExecuteAsync("INSERT INTO tickets VALUES (1, NULL, NULL, @guest::uuid, NULL, '')", new { guest });
        Assert.Equal(LinkScene.Ann, await scene.Database.ScalarAsync<string>("SELECT owner::text FROM tickets"));
    }

    [Fact]
    public async Task A_plan_tells_the_same_and_writes_nothing()
    {
        await using var scene = await CreateAsync(Tickets);

        var planned = await new LinkTargets(scene.Database.Engine).PlanAsync(TicketsByGuest, CancellationToken.None);

        Assert.Equal(("Registered", "tickets", null), (planned.Change, planned.Target.Name, planned.Target.CreatedAt));
        Assert.Equal(2, planned.Warnings.Count);
        Assert.Equal(["message_deliveries"], await NamesAsync(scene));
        Assert.Equal(0, await TriggersAsync(scene, "tickets"));
    }

    [Fact]
    public async Task The_name_of_a_table_that_another_target_has_comes_with_its_schema()
    {
        await using var scene = await CreateAsync(
            """
            CREATE SCHEMA "Old Ones";
            CREATE TABLE "Old Ones".message_deliveries (id uuid PRIMARY KEY, p text, u uuid, e uuid);
            CREATE TABLE message_deliveries_backfill (id uuid PRIMARY KEY, p text, u uuid, e uuid);
            """);
        LinkTargetDefinition Of(string table) => new(table, "p", "u") { EventColumn = "e" };

        Assert.Equal("\"Old Ones\".message_deliveries", (await RegisterAsync(scene, Of("\"Old Ones\".message_deliveries"))).Target.Name);
        Assert.Equal("public.message_deliveries_backfill", (await RegisterAsync(scene, Of("message_deliveries_backfill"))).Target.Name);
    }

    [Fact]
    public async Task Another_unique_key_serves_and_is_kept_in_the_order_of_its_index()
    {
        await using var scene = await CreateAsync(Tickets);

        var done = await RegisterAsync(scene, TicketsByGuest with { KeyColumns = ["id", "tag"] });

        Assert.Equal(["tag", "id"], done.Target.KeyColumns);
    }

    [Fact]
    public async Task The_statements_of_a_warning_create_what_is_missing()
    {
        await using var scene = await CreateAsync(
            """
            CREATE SCHEMA "Odd;";
            CREATE TABLE "Odd;"."Ti ckets" (a text, b integer, "Mobile" text, owner uuid, guest uuid, PRIMARY KEY (a, b)) PARTITION BY LIST (b);
            CREATE TABLE "Odd;"."one" PARTITION OF "Odd;"."Ti ckets" FOR VALUES IN (1) PARTITION BY HASH (a);
            CREATE TABLE "Odd;"."one, half" PARTITION OF "Odd;"."one" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            CREATE TABLE two PARTITION OF "Odd;"."Ti ckets" FOR VALUES IN (2);
            """);
        var definition = new LinkTargetDefinition("\"Odd;\".\"Ti ckets\"", "Mobile", "owner") { GuestColumn = "guest" };
        var first = await RegisterAsync(scene, definition);
        Assert.Equal(2, first.Warnings.Count);

        foreach (var statement in await scene.Database.QueryAsync<string>(
            "SELECT unnest(i.statements) FROM linkage.link_target t, linkage.target_indexes(t) i WHERE t.name = 'Ti ckets'"))
        {
            Assert.Contains(first.Warnings, warning => warning.Contains(statement, StringComparison.Ordinal));
            await scene.Database.ExecuteAsync(statement);
        }

        var again = await RegisterAsync(scene, definition);
        Assert.Equal("Unchanged", again.Change);
        Assert.Empty(again.Warnings);
    }

    [Fact]
    public async Task A_definition_that_stands_already_is_no_fault_and_another_one_needs_force()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        var other = TicketsByGuest with { GuestColumn = null, EventColumn = "event" };

        Assert.Equal("Unchanged", (await RegisterAsync(scene, TicketsByGuest)).Change);
        await RefusedAsync(scene, other);
        await RefusedAsync(scene, TicketsByGuest with { Name = "another name" });
        Assert.Equal("Replaced", (await RegisterAsync(scene, other with { Replaces = true })).Change);

        // the trigger goes by the event now
        var phone = scene.NewPhone();
        await scene.GuestAsync(phone, LinkScene.Bob);
        await scene.Database.ExecuteAsync(
            "INSERT INTO tickets VALUES (1, @phone, NULL, NULL, @event::uuid, '')", new { phone, @event = LinkScene.Event });
        Assert.Equal(LinkScene.Bob, await scene.Database.ScalarAsync<string>("SELECT owner::text FROM tickets"));
    }

    [Fact]
    public async Task A_replaced_definition_leaves_triggers_off_that_were_off()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        var triggers = new OwnTriggers(scene.Database.Engine);
        async Task<string> StatesAsync() => string.Join(
            ", ", (await triggers.FindAsync(["tickets"], CancellationToken.None)).Select(trigger => trigger.State).Distinct());
        await triggers.SwitchAsync((await triggers.FindAsync(["tickets"], CancellationToken.None))[0], false, null, CancellationToken.None);
        Assert.Equal("Disabled", await StatesAsync());

        var other = TicketsByGuest with { GuestColumn = null, EventColumn = "event", Replaces = true };
        Assert.Equal("Replaced", (await RegisterAsync(scene, other)).Change);

        Assert.Equal("Disabled", await StatesAsync());
        await triggers.SwitchAsync((await triggers.FindAsync(["tickets"], CancellationToken.None))[0], true, null, CancellationToken.None);
        await scene.Database.ExecuteAsync("INSERT INTO linkage.trigger_switch (number) SELECT number FROM linkage.link_target WHERE name = 'tickets'");
        await RegisterAsync(scene, TicketsByGuest with { Replaces = true });
        Assert.Equal("SwitchedOff", await StatesAsync());
    }

    [Fact]
    public async Task A_registration_that_fails_half_way_leaves_nothing()
    {
        await using var scene = await CreateAsync(
            Tickets
            + """
            ; CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no triggers today'; END $$;
            CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION refuse();
            """);

        await Assert.ThrowsAnyAsync<Exception>(() => RegisterAsync(scene, TicketsByGuest));

        Assert.Equal(["message_deliveries"], await NamesAsync(scene));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>(@"SELECT count(*) FROM pg_proc WHERE proname ~ '^link_target_\d+_trigger$'"));
    }

    [Fact]
    public async Task A_table_that_is_in_use_is_waited_for_in_short_attempts()
    {
        await using var scene = await CreateAsync(Tickets);
        await using var writer = await scene.Database.OpenAsync();
        await using var transaction = await writer.BeginTransactionAsync();
        await Dapper.SqlMapper.ExecuteAsync(writer, "INSERT INTO tickets (id, tag) VALUES (1, '')");
        var waits = new TaskCompletionSource();

        var registration = new LinkTargets(scene.Database.Engine).RegisterAsync(TicketsByGuest, _ => waits.TrySetResult(), CancellationToken.None);
        await waits.Task;
        // Between its attempts others write.
        await scene.Database.ExecuteAsync("INSERT INTO tickets (id, tag) VALUES (2, '')");
        await transaction.CommitAsync();

        Assert.Equal("Registered", (await registration).Change);
    }

    [Fact]
    public async Task Unregistering_takes_the_triggers_and_keeps_audit_and_runs_which_a_new_registration_can_undo()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await scene.Database.ExecuteAsync(
            """
            SET session_replication_role = replica;
            INSERT INTO tickets SELECT i, NULL, NULL, @guest::uuid, NULL, '' FROM generate_series(1, 10) AS i;
            RESET session_replication_role;
            """,
            new { guest });
        var run = await BackfillAsync(scene, "tickets");
        var targets = new LinkTargets(scene.Database.Engine);

        var removal = await targets.UnregisterAsync("tickets", waiting: null, CancellationToken.None);

        Assert.Equal((1L, 0L), (removal.Runs, removal.Suppressions));
        Assert.Equal(0, await TriggersAsync(scene, "tickets"));
        Assert.Equal(10, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit WHERE table_name = 'tickets' AND outcome = 'linked'"));
        var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.UndoAsync(run));
        Assert.Equal("Linkage.Target.NotFound", fault.ErrorId);
        Assert.Contains("Register-LinkTarget", fault.Message, StringComparison.Ordinal);
        Assert.Equal("completed", await scene.Database.ScalarAsync<string>("SELECT status FROM linkage.run WHERE id = @run", new { run }));

        // Under its name another table would take what is undone for its own.
        await scene.Database.ExecuteAsync("CREATE TABLE others (LIKE tickets INCLUDING ALL)");
        await RefusedAsync(scene, TicketsByGuest with { Table = "others", Name = "tickets" });
        await RefusedAsync(scene, TicketsByGuest with { KeyColumns = ["tag", "id"] });
        await RegisterAsync(scene, TicketsByGuest);
        Assert.Equal(10, (await scene.UndoAsync(run)).Count("rolled_back"));
    }

    [Fact]
    public async Task A_run_keeps_its_target_registered()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        await scene.Database.ExecuteAsync("SELECT linkage.start_run(linkage.user_link_work('tickets'), false, NULL, NULL, NULL, NULL)");
        var targets = new LinkTargets(scene.Database.Engine);

        var fault = await Assert.ThrowsAsync<LinkageException>(() => targets.UnregisterAsync("tickets", waiting: null, CancellationToken.None));
        Assert.Equal(ServerFaults.TargetHeld, fault.ErrorId);
        fault = await Assert.ThrowsAsync<LinkageException>(
            () => RegisterAsync(scene, TicketsByGuest with { GuestColumn = null, EventColumn = "event", Replaces = true }));
        Assert.Equal(ServerFaults.TargetHeld, fault.ErrorId);
        Assert.Equal(["message_deliveries", "tickets"], await NamesAsync(scene));
    }

    [Fact]
    public async Task What_linkage_was_installed_for_is_neither_unregistered_nor_replaced()
    {
        await using var scene = await LinkScene.CreateAsync();
        var targets = new LinkTargets(scene.Database.Engine);

        var fault = await Assert.ThrowsAsync<LinkageException>(
            () => targets.UnregisterAsync("message_deliveries", waiting: null, CancellationToken.None));

        Assert.Equal("Linkage.Target.BuiltIn", fault.ErrorId);
        await RefusedAsync(
            scene, new LinkTargetDefinition("message_deliveries", "status", "user_id") { GuestColumn = "guest_id", Replaces = true });
    }

    [Fact]
    public async Task A_renamed_table_is_reported_and_registered_anew_with_force_and_its_runs_are_undone()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO tickets VALUES (1, NULL, NULL, @guest::uuid, NULL, '');
            INSERT INTO message_deliveries (guest_id) VALUES (@guest::uuid);
            ALTER TABLE tickets RENAME TO passes;
            ALTER TABLE passes RENAME mobile TO phone;
            """,
            new { guest });

        Assert.Equal(["There is no table public.tickets."], await BrokenAsync(scene));
        // What is gone holds up nothing else.
        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @user::uuid WHERE id = @guest::uuid", new { guest, user = LinkScene.Ann });
        Assert.Equal(LinkScene.Ann, await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM message_deliveries"));

        var done = await RegisterAsync(
            scene, new LinkTargetDefinition("passes", "phone", "owner") { GuestColumn = "guest", Name = "tickets", Replaces = true });
        Assert.Equal(("Replaced", "public.passes"), (done.Change, done.Target.Table));
        Assert.Empty(await BrokenAsync(scene));
        Assert.Equal(2, await TriggersAsync(scene, "passes"));
        var run = await BackfillAsync(scene, "tickets");
        Assert.Equal(1, (await scene.UndoAsync(run)).Count("rolled_back"));
    }

    [Fact]
    public async Task A_column_that_is_gone_is_reported()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        await scene.Database.ExecuteAsync("ALTER TABLE tickets DROP COLUMN guest, DROP COLUMN mobile");

        Assert.Equal(["Table public.tickets has no column guest, mobile."], await BrokenAsync(scene));
    }

    [Fact]
    public async Task A_run_over_the_guests_of_several_targets_is_undone_in_all_of_them()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await scene.DeliveryAsync(null, guest);
        await scene.Database.ExecuteAsync(
            """
            SET session_replication_role = replica;
            INSERT INTO tickets SELECT i, NULL, NULL, @guest::uuid, NULL, '' FROM generate_series(1, 3) AS i;
            RESET session_replication_role;
            """,
            new { guest });
        const string Linked = "SELECT (SELECT count(*) FROM tickets WHERE owner IS NOT NULL) + (SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL)";

        var run = await new UserLinkBackfill(scene.Database.Engine).RunForGuestsAsync(
            [new GuestUser(guest, LinkScene.Ann)], new RunOptions(), _ => { }, CancellationToken.None);
        Assert.Equal((4, 4L), (run.Count("linked"), await scene.Database.ScalarAsync<long>(Linked)));

        var undo = await scene.UndoAsync(run.RunId!.Value);
        Assert.Equal((4, 0L), (undo.Count("rolled_back"), await scene.Database.ScalarAsync<long>(Linked)));
        Assert.Equal(
            [("message_deliveries", 1L), ("tickets", 3L)],
            await scene.Database.QueryAsync<(string, long)>("SELECT target, count(*) FROM linkage.link_suppression GROUP BY 1 ORDER BY 1"));

        await scene.UndoAsync(undo.RunId!.Value);
        Assert.Equal(4, await scene.Database.ScalarAsync<long>(Linked));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_uninstall_takes_the_triggers_of_targets_and_a_new_install_brings_back_those_it_remembers(bool includeHistory)
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest);

        await new SchemaUninstaller(scene.Database.Engine, includeHistory).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);
        Assert.Equal(0, await TriggersAsync(scene, "tickets"));

        await scene.Database.InstallAsync();
        Assert.Equal(includeHistory ? 0 : 2, await TriggersAsync(scene, "tickets"));
        Assert.Equal(includeHistory ? ["message_deliveries"] : ["message_deliveries", "tickets"], await NamesAsync(scene));
    }

    [Fact]
    public async Task Targets_are_found_by_name_and_by_table()
    {
        await using var scene = await CreateAsync(Tickets);
        await RegisterAsync(scene, TicketsByGuest with { Name = "Our Tickets" });
        var targets = new LinkTargets(scene.Database.Engine);

        Assert.Equal("public.tickets", Assert.Single(await targets.FindAsync(["Our Tickets"], null, CancellationToken.None)).Table);
        Assert.Equal("Our Tickets", Assert.Single(await targets.FindAsync(null, ["tickets"], CancellationToken.None)).Name);
        Assert.Equal(2, (await targets.FindAsync(null, null, CancellationToken.None)).Count);
        var fault = await Assert.ThrowsAsync<LinkageException>(() => targets.FindAsync(["tockets"], null, CancellationToken.None));
        Assert.Equal("Linkage.Target.NotFound", fault.ErrorId);
    }

    private static async Task<Guid> BackfillAsync(LinkScene scene, string table) =>
        (await new UserLinkBackfill(scene.Database.Engine).RunAsync(table, new RunOptions(), _ => { }, CancellationToken.None)).RunId!.Value;

    private static Task<long> TriggersAsync(LinkScene scene, string table) =>
        scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = to_regclass(@table) AND NOT t.tgisinternal AND t.tgenabled = 'O'", new { table });

    private static async Task<string[]> BrokenAsync(LinkScene scene) =>
        (string[])(await new SchemaInspector(scene.Database.Engine).CheckAsync(CancellationToken.None))
            .Single(check => check.Check == "SchemaTargets").Details["Targets"]!;
}
