using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What the trigger on message_deliveries links, leaves alone and audits.</summary>
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

    // The trigger after the write recognises what the one before it decided: nothing of that may stick to the next write.
    [Theory]
    [InlineData("INSERT INTO message_deliveries (guest_id) VALUES (@ann::uuid)")]
    [InlineData("INSERT INTO message_deliveries (id, guest_id) VALUES (@unlinked::uuid, @ann::uuid) ON CONFLICT DO NOTHING")]
    [InlineData("UPDATE message_deliveries SET status = 'sent' WHERE id = @linkable::uuid")]
    public async Task A_user_that_the_application_sets_after_a_link_to_the_same_one_is_not_audited(string link)
    {
        await using var scene = await LinkScene.CreateAsync();
        var values = new
        {
            ann = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann),
            unlinked = await scene.DeliveryAsync(null, await scene.GuestAsync(scene.NewPhone(), null)),
            linkable = await scene.LinkableAsync(),
            user = LinkScene.Ann,
        };

        await using (var transaction = await scene.Database.Connection.BeginTransactionAsync())
        {
            await scene.Database.ExecuteAsync(link, values);
            await scene.Database.ExecuteAsync("UPDATE message_deliveries SET user_id = @user::uuid WHERE id = @unlinked::uuid", values);
            await transaction.CommitAsync();
        }

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(values.unlinked));
        Assert.Empty(await DeliveryAudit.OfAsync(scene.Database, values.unlinked));
    }

    [Fact]
    public async Task A_guest_link_after_a_delivery_of_the_same_user_is_audited_once()
    {
        await using var scene = await LinkScene.CreateAsync();
        var values = new
        {
            ann = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann), guest = await scene.GuestAsync(scene.NewPhone(), null), user = LinkScene.Ann,
        };
        var delivery = await scene.DeliveryAsync(null, values.guest);

        // In one message, which is one moment to the server.
        await scene.Database.ExecuteAsync(
            """
            BEGIN;
            INSERT INTO message_deliveries (guest_id) VALUES (@ann::uuid);
            UPDATE event_guests SET user_id = @user::uuid WHERE id = @guest::uuid;
            COMMIT;
            """,
            values);

        Assert.Equal([DeliveryAudit.ByGuestLink("linked", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task Each_row_of_an_insert_of_many_is_audited_once_with_its_own_rule_and_not_where_the_application_set_the_user()
    {
        await using var scene = await LinkScene.CreateAsync();
        await SwitchAsync(scene, FallbackFlag, true);
        var phone = scene.NewPhone();
        var own = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var without = await scene.GuestAsync(scene.NewPhone(), null);
        await scene.GuestAsync(phone, LinkScene.Ann);
        await scene.GuestAsync("+12125550100", null);

        var rows = (await scene.Database.QueryAsync<(string Id, string Name)>(
            """
            INSERT INTO message_deliveries (guest_id, phone_number, user_id, status) VALUES
              (@own::uuid, NULL, NULL, 'guest'), (@without::uuid, NULL, @bob::uuid, 'own'), (@without::uuid, @phone, NULL, 'event'),
              (@own::uuid, NULL, @ann::uuid, 'own same'), (@without::uuid, '(212) 555-0100', NULL, 'user'), (NULL, 'x', NULL, 'nothing'),
              (@without::uuid, NULL, @ann::uuid, 'own last')
            RETURNING id::text, status
            """,
            new { own, without, phone, bob = LinkScene.Bob, ann = LinkScene.Ann })).ToDictionary(row => row.Name, row => row.Id);

        async Task AssertAuditAsync(string name, params DeliveryAudit[] expected) =>
            Assert.Equal(expected, await DeliveryAudit.OfAsync(scene.Database, rows[name]));
        await AssertAuditAsync("guest", DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann));
        await AssertAuditAsync("event", DeliveryAudit.ByTrigger("linked", "event phone", LinkScene.Ann));
        await AssertAuditAsync("user", DeliveryAudit.ByTrigger("linked", "user phone", LinkScene.Ann));
        await AssertAuditAsync("nothing", DeliveryAudit.ByTrigger("skipped", null));
        foreach (var name in (string[])["own", "own same", "own last"])
            await AssertAuditAsync(name);
        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(rows["own"]));
    }

    [Fact]
    public async Task Copied_rows_are_linked_and_audited_like_inserted_ones()
    {
        const int Rows = 6000;
        await using var scene = await LinkScene.CreateAsync();
        var guests = new[] { await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann), await scene.GuestAsync(scene.NewPhone(), null) };

        await using (var copy = await scene.Database.Connection.BeginTextImportAsync("COPY message_deliveries (guest_id, user_id) FROM STDIN"))
        {
            for (var i = 0; i < Rows; i++)
                await copy.WriteAsync($"{guests[i % 2]}\t{(i % 3 == 0 ? LinkScene.Bob : "\\N")}\n");
        }

        Assert.Equal(
            [("linked", Rows / 3L), ("skipped", Rows / 3L)],
            await scene.Database.QueryAsync<(string, long)>("SELECT outcome, count(*) FROM user_link_audit GROUP BY 1 ORDER BY 1"));
        Assert.Equal(
            0, await scene.Database.ScalarAsync<long>(
                """
                SELECT count(*)
                FROM message_deliveries d
                FULL JOIN user_link_audit a ON a.record_id = d.id
                WHERE CASE WHEN d.user_id = @bob::uuid THEN a.id IS NOT NULL ELSE a.id IS NULL OR a.linked_user_id IS DISTINCT FROM d.user_id END
                   OR d.user_id IS DISTINCT FROM CASE
                        WHEN a.id IS NULL THEN @bob::uuid
                        WHEN d.guest_id = @guest::uuid THEN @ann::uuid
                      END
                """,
                new { ann = LinkScene.Ann, bob = LinkScene.Bob, guest = guests[0] }));
        Assert.Equal(Rows * 2 / 3, await scene.Database.ScalarAsync<long>("SELECT count(DISTINCT record_id) FROM user_link_audit"));
    }

    [Fact]
    public async Task A_row_that_was_never_inserted_is_not_audited()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var existing = await scene.DeliveryAsync(null, guest, LinkScene.Bob);

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO message_deliveries (id, guest_id) VALUES (@existing::uuid, @guest::uuid) ON CONFLICT DO NOTHING;
            INSERT INTO message_deliveries (id, guest_id) VALUES (@existing::uuid, @guest::uuid), (gen_random_uuid(), @guest::uuid),
              (@existing::uuid, @guest::uuid) ON CONFLICT DO NOTHING;
            """,
            new { existing, guest });

        Assert.Empty(await DeliveryAudit.OfAsync(scene.Database, existing));
        Assert.Equal(1, await AuditCountAsync(scene));
        Assert.Equal(LinkScene.Bob, await scene.UserOfAsync(existing));
    }

    [Fact]
    public async Task The_applications_upsert_links_and_audits_once()
    {
        await using var scene = await LinkScene.CreateAsync();
        var message = await MessageAsync(scene);
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var phone = scene.NewPhone();
        Task<string> UpsertAsync(string status) => scene.Database.ScalarAsync<string>(
            "SELECT upsert_message_delivery(@message::uuid, @guest::uuid, @phone, NULL, @status)::text", new { message, guest, phone, status });

        var delivery = await UpsertAsync("pending");
        await scene.Database.ExecuteAsync(
            """
            SET session_replication_role = replica;
            UPDATE event_guests SET user_id = @ann::uuid WHERE id = @guest::uuid;
            RESET session_replication_role;
            """,
            new { ann = LinkScene.Ann, guest });
        Assert.Equal(delivery, await UpsertAsync("sent"));
        Assert.Equal(delivery, await UpsertAsync("delivered"));

        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        Assert.Equal(
            [DeliveryAudit.ByTrigger("no_match", "event phone"), DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann)],
            await DeliveryAudit.OfAsync(scene.Database, delivery));
    }

    [Fact]
    public async Task An_upsert_of_many_rows_audits_each_link_once()
    {
        await using var scene = await LinkScene.CreateAsync();
        var deliveries = new List<string>();
        for (var i = 0; i < 5; i++)
            deliveries.Add(await scene.LinkableAsync(i % 2 == 0 ? LinkScene.Ann : LinkScene.Bob));

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO message_deliveries AS d (id, guest_id, phone_number)
            SELECT id, guest_id, phone_number FROM message_deliveries
            UNION ALL
            SELECT gen_random_uuid(), guest_id, phone_number FROM message_deliveries
            ON CONFLICT (id) DO UPDATE SET user_id = COALESCE(excluded.user_id, d.user_id), status = 'sent'
            """);

        foreach (var delivery in deliveries)
        {
            var audit = Assert.Single(await DeliveryAudit.OfAsync(scene.Database, delivery));
            Assert.Equal(DeliveryAudit.ByTrigger("linked", "guest", await scene.UserOfAsync(delivery)), audit);
        }

        Assert.Equal(10, await AuditCountAsync(scene));
    }

    [Fact]
    public async Task An_update_is_audited_only_if_it_links_or_changes_phone_or_guest()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync(scene.NewPhone(), null);
        var linked = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var delivery = await scene.DeliveryAsync(scene.NewPhone(), guest);
        async Task<IReadOnlyList<DeliveryAudit>> AfterAsync(string set)
        {
            await scene.Database.ExecuteAsync(
                $"UPDATE message_deliveries SET {set} WHERE id = @delivery::uuid", new { delivery, linked, phone = scene.NewPhone() });
            return await DeliveryAudit.OfAsync(scene.Database, delivery);
        }

        var unmatched = DeliveryAudit.ByTrigger("no_match", "event phone");
        Assert.Empty(await AfterAsync("status = 'sent'"));
        Assert.Empty(await AfterAsync("phone_number = phone_number"));
        Assert.Equal([unmatched], await AfterAsync("phone_number = @phone"));
        Assert.Equal([unmatched], await AfterAsync("status = 'read'"));
        Assert.Equal([unmatched, DeliveryAudit.ByTrigger("linked", "guest", LinkScene.Ann)], await AfterAsync("guest_id = @linked::uuid"));
        Assert.Equal(2, (await AfterAsync("phone_number = '5', guest_id = NULL")).Count);
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

    [Fact]
    public async Task A_link_of_the_backfill_is_not_audited_by_the_trigger_too()
    {
        await using var scene = await LinkScene.CreateAsync();
        for (var i = 0; i < 20; i++)
            await scene.LinkableAsync(i % 2 == 0 ? LinkScene.Ann : LinkScene.Bob);

        var result = await scene.BackfillAsync(RunMode.Apply);

        Assert.Equal(20, result.Count("linked"));
        Assert.Equal(20, await AuditCountAsync(scene));
        Assert.Equal(0, (await scene.AuditAsync(new UserLinkAuditFilter())).Count(entry => entry.Source != "backfill"));
    }

    private static Task<string> InsertAsync(LinkScene scene, string? phone, string? guest, string? user = null) =>
        scene.Database.ScalarAsync<string>(
            "INSERT INTO message_deliveries (phone_number, guest_id, user_id) VALUES (@phone, @guest::uuid, @user::uuid) RETURNING id::text",
            new { phone, guest, user });

    private static Task<string> MessageAsync(LinkScene scene) =>
        scene.Database.ScalarAsync<string>(
            "INSERT INTO messages (event_id) VALUES (@id::uuid) RETURNING id::text", new { id = LinkScene.Event });

    private static Task<long> AuditCountAsync(LinkScene scene) => scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit");

    private static Task<int> SwitchAsync(LinkScene scene, string flag, bool state) =>
        scene.Database.ExecuteAsync("SELECT linkage.set_feature_flag(@flag, @state)", new { flag, state });
}
