using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What the triggers on message_deliveries audit: each row that they decided on and that was written, once.</summary>
public sealed class DeliveryTriggerAuditTests
{
    private const string FallbackFlag = "LINK_USER_BY_PHONE_FALLBACK_TO_USERS";

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

    private static Task<string> MessageAsync(LinkScene scene) =>
        scene.Database.ScalarAsync<string>(
            "INSERT INTO messages (event_id) VALUES (@id::uuid) RETURNING id::text", new { id = LinkScene.Event });

    private static Task<long> AuditCountAsync(LinkScene scene) => scene.Database.ScalarAsync<long>("SELECT count(*) FROM user_link_audit");

    private static Task<int> SwitchAsync(LinkScene scene, string flag, bool state) =>
        scene.Database.ExecuteAsync("SELECT linkage.set_feature_flag(@flag, @state)", new { flag, state });
}
