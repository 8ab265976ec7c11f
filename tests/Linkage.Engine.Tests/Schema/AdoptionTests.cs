using Linkage.Engine.Schema;

namespace Linkage.Engine.Tests.Schema;

public sealed class AdoptionTests
{
    [Fact]
    public async Task A_plan_lists_what_it_would_replace_and_writes_nothing()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var before = await LegacyDatabase.DefinitionsAsync(database.Connection);

        var plan = await new SchemaInstaller(database.Engine).PlanAsync([], CancellationToken.None);

        Assert.Equal(
            [
                "function public.auto_link_user_by_phone_trigger()",
                "function public.backfill_guest_deliveries(uuid,uuid)",
                "function public.backfill_user_links(text,integer,boolean)",
                "function public.link_user_by_phone(uuid,text)",
                "function public.normalize_phone(text)",
                "function public.rollback_user_links(timestamp with time zone,text,boolean)",
                "function public.trigger_backfill_guest_deliveries()",
                "trigger trigger_backfill_deliveries_on_guest_link on public.event_guests",
                "trigger trigger_message_deliveries_auto_link_user on public.message_deliveries",
            ],
            plan.Steps.SelectMany(s => s.Replaces).Order(StringComparer.Ordinal));
        Assert.Contains("EXECUTE on function public.backfill_user_links(text,integer,boolean) is revoked from PUBLIC", plan.Steps.SelectMany(s => s.Notes));
        Assert.Contains(plan.Steps, s => s is { Kind: MigrationKind.Rebuild, Name: "public.event_guests_normalized_phone_idx" });
        Assert.Equal(before, await LegacyDatabase.DefinitionsAsync(database.Connection));
        Assert.False(await database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    [Fact]
    public async Task Callers_find_the_same_arguments_and_result_columns()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        const string Faces =
            """
            SELECT format('%s(%s) %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
            FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.oid <> COALESCE(to_regprocedure('public.normalize_phone(text,text)'), 0)
            ORDER BY 1
            """;
        var before = await database.QueryAsync<string>(Faces);

        await database.InstallAsync();

        Assert.Equal(before, await database.QueryAsync<string>(Faces));
        var counts = await database.QueryAsync<dynamic>("SELECT * FROM backfill_user_links(p_table => 'message_deliveries', p_dry_run => true)");
        Assert.IsType<int>(Assert.Single(counts).processed_count);
        Assert.Equal("+18725292147", await database.ScalarAsync<string>("SELECT normalize_phone(raw_phone => '(872) 529-2147')"));
        Assert.Equal("+39061234567", await database.ScalarAsync<string>("SELECT normalize_phone('+39 06 1234567')"));
    }

    [Fact]
    public async Task Explicit_grants_stay_and_only_what_reads_stays_everybodys()
    {
        await using var database = await LegacyDatabase.CreateAsync();

        await database.InstallAsync();

        Task<bool> MayAsync(string role, string function) =>
            database.ScalarAsync<bool>("SELECT has_function_privilege(@role, @function, 'EXECUTE')", new { role, function });
        Assert.True(await MayAsync("reporting", "rollback_user_links(timestamptz, text, boolean)"));
        Assert.True(await MayAsync("reporting", "backfill_guest_deliveries(uuid, uuid)"));
        Assert.False(await MayAsync("public", "backfill_user_links(text, integer, boolean)"));
        Assert.False(await MayAsync("public", "backfill_guest_deliveries(uuid, uuid)"));
        Assert.False(await MayAsync("public", "auto_link_user_by_phone_trigger()"));
        Assert.True(await MayAsync("public", "link_user_by_phone(uuid, text)"));
        Assert.True(await MayAsync("public", "normalize_phone(text)"));
        Assert.True(await MayAsync("public", "get_feature_flag(text)"));
    }

    [Fact]
    public async Task What_a_role_could_call_works_for_it_as_before()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.ExecuteAsync("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting");
        await database.InstallAsync();

        await database.ExecuteAsync("SET ROLE reporting");

        Assert.Equal(
            LegacyDatabase.User,
            await database.ScalarAsync<Guid>("SELECT user_id FROM link_user_by_phone(@Event, '872-529-2147')", new { LegacyDatabase.Event }));
        Assert.Equal(1, await database.ScalarAsync<int>("SELECT rolled_back_count FROM rollback_user_links(now() - interval '1 day')"));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT backfill_guest_deliveries(@Guest, @User)", new { LegacyDatabase.Guest, LegacyDatabase.User }));
    }

    [Fact]
    public async Task Rows_stay_and_links_from_before_can_be_rolled_back()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();
        Assert.Equal(1, await database.ScalarAsync<int>("SELECT count(*) FROM user_link_audit WHERE outcome = 'linked' AND run_id IS NULL AND source IS NULL"));

        var undone = await database.ScalarAsync<int>(
            "SELECT rolled_back_count FROM rollback_user_links(now() - interval '1 day', 'message_deliveries', false)");

        Assert.Equal(1, undone);
        Assert.Null(await database.ScalarAsync<Guid?>("SELECT user_id FROM message_deliveries"));
        await database.ExecuteAsync("UPDATE message_deliveries SET status = 'sent'");
        Assert.Null(await database.ScalarAsync<Guid?>("SELECT user_id FROM message_deliveries"));
    }

    [Fact]
    public async Task Changes_with_random_ids_are_folded_in_the_order_of_their_times()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();
        var other = await database.ScalarAsync<Guid>("INSERT INTO users (phone) VALUES ('1') RETURNING id");
        // Linked to Ada before Linkage; unlinked and linked to another one since, under ids that sort the other way round.
        await database.ExecuteAsync(
            """
            INSERT INTO user_link_audit (id, table_name, record_id, linked_user_id, previous_user_id, outcome, created_at) VALUES
              ('ffffffff-0000-0000-0000-000000000000', 'message_deliveries', @LinkedDelivery, NULL, @User, 'unlinked', now() + interval '1 second'),
              ('00000000-0000-0000-0000-000000000000', 'message_deliveries', @LinkedDelivery, @other, NULL, 'linked', now() + interval '2 seconds');
            UPDATE message_deliveries SET user_id = @other;
            """,
            new { LegacyDatabase.LinkedDelivery, LegacyDatabase.User, other });

        var undone = await database.ScalarAsync<int>(
            "SELECT rolled_back_count FROM rollback_user_links(now() - interval '1 day', 'message_deliveries', false)");

        Assert.Equal(1, undone);
        Assert.Null(await database.ScalarAsync<Guid?>("SELECT user_id FROM message_deliveries"));
    }

    [Fact]
    public async Task The_applications_own_flags_are_used()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var before = await database.ScalarAsync<string>("SELECT pg_get_functiondef('get_feature_flag(text)'::regprocedure)");

        await database.InstallAsync();

        Assert.Equal(before, await database.ScalarAsync<string>("SELECT pg_get_functiondef('get_feature_flag(text)'::regprocedure)"));
        Assert.Equal(
            ["LINK_USER_BY_PHONE true", "LINK_USER_BY_PHONE_FALLBACK_TO_USERS false", "SOME_OTHER_FEATURE true"],
            await database.QueryAsync<string>("SELECT format('%s %s', flag_name, is_enabled::text) FROM feature_flags ORDER BY 1"));
    }

    [Fact]
    public async Task An_index_on_the_former_normalize_phone_is_built_again()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.ExecuteAsync(
            "INSERT INTO event_guests (event_id, phone) SELECT @Event, '+39 06 ' || 1000000 + g FROM generate_series(1, 2000) g",
            new { LegacyDatabase.Event });

        await database.InstallAsync();

        await database.ExecuteAsync("SET enable_seqscan = off; ANALYZE event_guests; DROP INDEX idx_event_guests_event_phone_normalized");
        const string Query = "SELECT count(*) FROM event_guests WHERE event_id = '00000000-0000-0000-0000-0000000000e1' AND normalize_phone(phone) = '+39061000007'";
        Assert.Contains("event_guests_normalized_phone_idx", string.Join('\n', await database.QueryAsync<string>("EXPLAIN " + Query)));
        Assert.Equal(1, await database.ScalarAsync<int>(Query));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.stale_index"));
    }

    [Fact]
    public async Task What_else_holds_values_of_the_former_normalize_phone_is_validated_again_or_named()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            ALTER TABLE users ADD COLUMN normalized text GENERATED ALWAYS AS (normalize_phone(phone)) STORED,
              ADD CONSTRAINT users_phone_possible CHECK (phone IS NULL OR normalize_phone(phone) IS NOT NULL);
            """);

        var plan = await new SchemaInstaller(database.Engine).PlanAsync([], CancellationToken.None);

        Assert.Contains(plan.Steps, s => s is { Kind: MigrationKind.Validation, Name: "users_phone_possible on public.users" });
        var notes = plan.Steps.Single(s => s.Name == "R__normalize_phone").Notes;
        Assert.Contains(notes, n => n.StartsWith("column normalized of public.users ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_second_install_over_an_adopted_database_finds_nothing_to_do()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();

        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task A_trigger_that_was_disabled_stays_so_and_one_of_another_name_does_not_run_twice()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            ALTER TABLE event_guests DISABLE TRIGGER trigger_backfill_deliveries_on_guest_link;
            DROP TRIGGER trigger_message_deliveries_auto_link_user ON message_deliveries;
            CREATE TRIGGER link_it BEFORE INSERT OR UPDATE ON message_deliveries FOR EACH ROW EXECUTE FUNCTION auto_link_user_by_phone_trigger();
            """);

        await database.InstallAsync();

        Assert.Equal(
            ["trigger_backfill_deliveries_on_guest_link D", "trigger_message_deliveries_audit_user_link O", "trigger_message_deliveries_auto_link_user O"],
            await database.QueryAsync<string>("SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"));
    }
}
