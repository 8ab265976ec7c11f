namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What the trigger on message_deliveries links, and what it leaves alone.</summary>
public sealed class DeliveryTriggerTests
{
    private const string FallbackFlag = "LINK_USER_BY_PHONE_FALLBACK_TO_USERS";

    [Fact]
    public async Task A_new_delivery_is_linked_and_audited_once()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);

        var delivery = await InsertAsync(scene, null, guest);

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal([DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task A_delivery_without_phone_and_guest_is_not_examined()
    {
        await using var scene = await LinkScene.CreateAsync();

        await InsertAsync(scene, null, null);

        Assert.Equal(0, await AuditCountAsync(scene));
    }

    [Fact]
    public async Task A_user_that_the_application_sets_is_neither_overwritten_nor_audited()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var other = await scene.GuestAsync(scene.NewPhone(), null);
        var unlinked = await scene.DeliveryAsync(null, other);

        var inserted = await InsertAsync(scene, null, guest, LinkScene.Bob);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = @user::uuid WHERE id = @id::uuid",
            new { user = LinkScene.Bob, id = unlinked });

        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(inserted));
        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(unlinked));
        Assert.Equal(0, await AuditCountAsync(scene));
    }

    [Fact]
    public async Task Deleting_a_user_leaves_no_dangling_id()
    {
        await using var scene = await LinkScene.CreateAsync();
        await SwitchAsync(scene, FallbackFlag, true);
        var guest = await scene.GuestAsync("+12125550100", LinkScene.Ann);
        var delivery = await InsertAsync(scene, "2125550100", guest);

        await scene.Database.ExecuteAsync("DELETE FROM users WHERE id = @ann::uuid", new { ann = LinkScene.Ann });

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Single(await DeliveryAudit.OfAsync(scene.Database, delivery));
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET status = 'sent'");
        Assert.Null(await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task An_unlinked_row_stays_so_until_it_is_written_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await InsertAsync(scene, null, await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann));

        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = NULL");

        Assert.Null(await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task An_undone_link_stays_undone_when_the_row_is_updated_and_when_the_backfill_runs_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();

        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET status = 'sent', phone_number = '2135550199'");
        var again = await scene.BackfillAsync();
        await scene.Database.ExecuteAsync("SELECT backfill_user_links('message_deliveries', 10, false)");

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal((1, 1, 0), (again.Count("skipped"), again.Count("suppressed"), again.Count("linked")));
    }

    [Fact]
    public async Task An_undo_that_allows_relinking_leaves_the_link_to_the_next_write()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();

        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value, allowRelink: true);
        Assert.Null(await scene.UserOfAsync(delivery));
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET status = 'sent'");

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task A_suppression_belongs_to_one_user_and_another_may_link()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);

        var other = await scene.GuestAsync(scene.NewPhone(), LinkScene.Bob);
        await scene.Database.ExecuteAsync("UPDATE message_deliveries SET guest_id = @other::uuid", new { other });

        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task A_guest_linked_anew_later_links_what_was_undone()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);

        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = NULL");
        Assert.Null(await scene.UserOfAsync(delivery));
        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @ann::uuid", new { ann = LinkScene.Ann });

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.link_suppression"));
    }

    [Fact]
    public async Task A_cleared_suppression_lets_the_row_link_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);

        await scene.Database.ExecuteAsync(
            "SELECT linkage.release_link_suppressions(ARRAY['message_deliveries'], ARRAY[@delivery], ARRAY[@user])",
            new { delivery, user = LinkScene.Ann });

        Assert.Equal(1, (await scene.BackfillAsync()).Count("linked"));
        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task Nothing_is_linked_while_the_flag_is_off_and_that_is_audited()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await SwitchAsync(scene, "LINK_USER_BY_PHONE", false);

        var delivery = await InsertAsync(scene, null, guest);

        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Equal([DeliveryAudit.ByTrigger("skipped", null)], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task A_statement_of_many_rows_decides_each_of_them_once()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await scene.Database.ExecuteAsync("SET track_functions = 'all'");

        // In one transaction, since the session sends its counts to the statistics in between.
        var counts = (await scene.Database.QueryAsync<long>(
            $"""
            BEGIN;
            INSERT INTO message_deliveries (guest_id) VALUES ('{guest}');
            CREATE TEMPORARY TABLE flags_read AS SELECT pg_stat_get_xact_function_calls('get_feature_flag(text)'::regprocedure) AS calls;
            INSERT INTO message_deliveries (guest_id) SELECT '{guest}' FROM generate_series(1, 30);
            INSERT INTO flags_read SELECT pg_stat_get_xact_function_calls('get_feature_flag(text)'::regprocedure);
            SELECT calls FROM flags_read ORDER BY calls;
            ROLLBACK;
            """)).ToList();

        Assert.NotEqual(0, counts[0]);
        Assert.Equal(31 * counts[0], counts[1]);
    }

    [Fact]
    public async Task A_hostile_search_path_changes_nothing()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        await scene.Database.ExecuteAsync(
            """
            CREATE SCHEMA evil;
            CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'stolen'; END $$;
            CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'stolen'; END $$;
            CREATE FUNCTION evil.get_feature_flag(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'stolen'; END $$;
            CREATE FUNCTION evil.normalize_phone(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'stolen'; END $$;
            CREATE FUNCTION evil.equals(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
            CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equals);
            CREATE TABLE evil.event_guests (id uuid, event_id uuid, phone text, user_id uuid, removed_at timestamptz);
            CREATE TABLE evil.users (id uuid, phone text);
            SET search_path = evil, pg_catalog;
            """);

        var delivery = await scene.Database.ScalarAsync<string>(
            "INSERT INTO public.message_deliveries (guest_id) VALUES (@guest::uuid) RETURNING id::text", new { guest });
        var others = await scene.Database.QueryAsync<string>(
            "INSERT INTO public.message_deliveries (guest_id) SELECT @guest::uuid FROM pg_catalog.generate_series(1, 3) RETURNING id::text", new { guest });
        await scene.Database.ExecuteAsync("RESET search_path");

        foreach (var linked in others.Append(delivery))
            Assert.Equal([DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, linked));
    }

    [Theory]
    [InlineData(System.Data.IsolationLevel.RepeatableRead)]
    [InlineData(System.Data.IsolationLevel.Serializable)]
    public async Task Transactions_of_higher_isolation_link_too(System.Data.IsolationLevel isolation)
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        string delivery;

        await using (var transaction = await scene.Database.Connection.BeginTransactionAsync(isolation))
        {
            delivery = await InsertAsync(scene, null, guest);
            await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @ann::uuid WHERE id = @guest::uuid", new { ann = LinkScene.Ann, guest });
            await transaction.CommitAsync();
        }

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(
            [DeliveryAudit.ByTrigger("skipped", null), DeliveryAudit.ByGuestLink("linked", LinkScene.Ann)],
            await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    private static Task<string> InsertAsync(LinkScene scene, string? phone, string? guest, string? user = null) =>
        scene.Database.ScalarAsync<string>(
            "INSERT INTO message_deliveries (phone_number, guest_id, user_id) VALUES (@phone, @guest::uuid, @user::uuid) RETURNING id::text",
            new { phone, guest, user });

    private static Task<long> AuditCountAsync(LinkScene scene) => scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit");

    private static Task<int> SwitchAsync(LinkScene scene, string flag, bool state) =>
        scene.Database.ExecuteAsync("SELECT linkage.set_feature_flag(@flag, @state)", new { flag, state });
}
