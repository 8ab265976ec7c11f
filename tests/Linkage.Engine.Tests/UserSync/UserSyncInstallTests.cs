using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>Where user sync can be installed, by whom, and what becomes of what an application had for that before.</summary>
public sealed class UserSyncInstallTests
{
    private const string OwnHandler =
        """
        CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
        -- insert into public.audit: no longer
        BEGIN
          INSERT INTO public.profiles (id, full_name, avatar_url)
          VALUES (new.id, new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'avatar_url');
          RETURN new;
        END $$;
        COMMENT ON FUNCTION public.handle_new_user() IS 'ours';
        CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE PROCEDURE public.handle_new_user();
        """;

    private const string OwnTables =
        """
        CREATE TABLE cleanup_audit_log (
          id uuid PRIMARY KEY DEFAULT gen_random_uuid(), table_name text NOT NULL, record_id text NOT NULL, action text NOT NULL,
          details jsonb, performed_by text DEFAULT current_user, created_at timestamptz DEFAULT now());
        INSERT INTO cleanup_audit_log (table_name, record_id, action) VALUES ('users', '1', 'DELETE');
        CREATE TABLE user_sync_monitoring_log (
          id bigserial PRIMARY KEY, recorded_at timestamptz NOT NULL DEFAULT now(), status varchar(20) NOT NULL, ghost_users integer NOT NULL DEFAULT 0,
          notes text);
        INSERT INTO user_sync_monitoring_log (status, ghost_users, notes) VALUES ('healthy', 0, 'ours');
        """;

    private const string Definitions =
        """
        SELECT format('%s %s', pg_get_functiondef(p.oid), obj_description(p.oid)) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL SELECT format('%s.%s %s', c.oid::regclass, a.attname, a.attnotnull) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
          WHERE c.relnamespace IN ('public'::regnamespace, 'auth'::regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
          WHERE c.relnamespace IN ('public'::regnamespace, 'auth'::regnamespace)
        ORDER BY 1
        """;

    [Fact]
    public async Task Without_accounts_the_component_is_left_out()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();

        var plan = await new SchemaInstaller(database.Engine).PlanAsync([], CancellationToken.None);
        await database.InstallAsync();

        Assert.Contains("auth.users", plan.Omitted["UserSync"], StringComparison.Ordinal);
        Assert.False(await database.ScalarAsync<bool>("SELECT to_regproc('public.check_ghost_users') IS NOT NULL"));
        var refused = await Assert.ThrowsAsync<SchemaException>(
            () => new SchemaInstaller(database.Engine).PlanAsync(["UserSync"], CancellationToken.None));
        Assert.Contains("auth.users", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CREATE TABLE public.customers (id uuid PRIMARY KEY)")]
    [InlineData("CREATE TABLE public.users (id uuid, email text)")]
    [InlineData("CREATE TABLE public.users (id serial PRIMARY KEY, email text)")]
    [InlineData("CREATE TABLE public.profiles (id uuid, CONSTRAINT k UNIQUE (id) DEFERRABLE)")]
    public async Task Without_profiles_that_are_told_by_their_account_it_is_left_out(string table)
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        await UserSyncScene.CreateTablesAsync(database.Connection, new("", table, []));

        var plan = await new SchemaInstaller(database.Engine).PlanAsync([], CancellationToken.None);

        Assert.Contains("UserSync", plan.Omitted);
    }

    [Fact]
    public async Task Beside_other_components_it_takes_the_same_table_of_users()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await UserSyncScene.CreateTablesAsync(database.Connection, new("", "SELECT NULL", []));
        await database.InstallAsync();

        await database.ExecuteAsync(
            """
            INSERT INTO auth.users (id, phone, raw_user_meta_data, created_at) VALUES (gen_random_uuid(), '12125550123', '{"name": "Ann"}', '2024-01-01');
            INSERT INTO events (id) VALUES ('00000000-0000-0000-0000-0000000000e1');
            INSERT INTO event_guests (event_id, phone, user_id) SELECT '00000000-0000-0000-0000-0000000000e1', '(212) 555-0123', id FROM users;
            INSERT INTO message_deliveries (guest_id, phone_number) SELECT id, phone FROM event_guests;
            """);

        Assert.Equal("+12125550123 Ann", await database.ScalarAsync<string>("SELECT concat_ws(' ', phone, name) FROM users"));
        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(user_id) FROM message_deliveries"));
    }

    [Theory]
    [MemberData(nameof(ProfileShape.Labels), MemberType = typeof(ProfileShape))]
    public async Task A_second_install_finds_nothing_to_do_and_an_uninstall_leaves_nothing(string label)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Named(label));
        var before = await scene.Database.QueryAsync<string>(Definitions);
        await scene.InstallAsync();
        await scene.SignUpAsync();
        await scene.GhostAsync();
        await scene.RepairAsync();

        Assert.DoesNotContain(await LinkedDatabase.InstallAsync(scene.Database.Engine), step => step.IsNeeded);
        await UninstallAsync(scene, includeHistory: true);

        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        Assert.Equal(2, (await scene.RowsAsync()).Count);
        await scene.SignUpAsync();
        Assert.Equal(2, (await scene.RowsAsync()).Count);
    }

    [Fact]
    public async Task Without_the_history_a_reinstall_can_undo_what_was_repaired_before()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.InstallAsync();
        await scene.GhostsAsync(2);
        var repair = await scene.RepairAsync();
        await UninstallAsync(scene, includeHistory: false);

        await scene.InstallAsync();

        Assert.Equal(2, (await scene.UndoAsync(repair)).Count("rolled_back"));
        Assert.Empty(await scene.RowsAsync());
    }

    [Fact]
    public async Task A_function_that_only_makes_profiles_is_replaced_and_an_uninstall_brings_it_back()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(OwnHandler);
        var before = await scene.Database.QueryAsync<string>(Definitions);

        var plan = await new SchemaInstaller(scene.Database.Engine).PlanAsync([], CancellationToken.None);
        Assert.Equal(
            ["function public.handle_new_user()", "trigger on_auth_user_created on auth.users"],
            plan.Steps.SelectMany(step => step.Replaces).Order(StringComparer.Ordinal));
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        await scene.InstallAsync();
        var account = await scene.SignUpAsync(scene.NewAccount() with { Metadata = """{"full_name": "Ann", "user_name": "ann"}""" });

        await scene.AssertProfilesAsync(account);
        Assert.DoesNotContain(await scene.InstallAsync(), step => step.IsNeeded);
        await UninstallAsync(scene, includeHistory: true);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        await scene.SignUpAsync();
        Assert.Equal(2, (await scene.RowsAsync()).Count);
    }

    [Fact]
    public async Task A_trigger_of_another_name_with_that_function_does_not_run_twice()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(OwnHandler.Replace("TRIGGER on_auth_user_created", "TRIGGER make_profile", StringComparison.Ordinal));

        await scene.InstallAsync();

        Assert.Equal(
            ["on_auth_user_created O", "on_auth_user_updated D"],
            await scene.Database.QueryAsync<string>(
                "SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal ORDER BY 1"));
    }

    [Theory]
    [InlineData("INSERT INTO public.audit (what) VALUES ('signed up');")]
    [InlineData("insert into audit values ('signed up');")]
    [InlineData("UPDATE public.invitations SET accepted = true WHERE email = new.email;")]
    [InlineData("DELETE FROM \"public\".\"invitations\" WHERE email = new.email;")]
    [InlineData("PERFORM public.send_welcome(new.email);")]
    [InlineData("EXECUTE 'INSERT INTO public.audit VALUES (1)';")]
    [InlineData("PERFORM pg_notify('signed_up', new.id::text);")]
    public async Task A_function_that_does_more_is_refused_with_the_remedy(string statement)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(
            OwnHandler.Replace("RETURN new;", $"{statement} RETURN new;", StringComparison.Ordinal));
        var before = await scene.Database.QueryAsync<string>(Definitions);

        var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());

        Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        Assert.Contains("handle_new_user", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
    }

    [Theory]
    [InlineData("INSERT INTO public.audit VALUES ('signed up');")]
    [InlineData("PERFORM public.send_welcome(new.email);")]
    public async Task A_trigger_of_the_documented_name_with_another_function_that_does_more_is_refused(string statement)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(
            OwnHandler.Replace("handle_new_user", "on_sign_up", StringComparison.Ordinal)
                .Replace("RETURN new;", $"{statement} RETURN new;", StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());

        Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        Assert.Contains("on_sign_up()", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trigger_of_the_documented_name_with_another_function_that_only_makes_profiles_is_replaced_and_comes_back()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(OwnHandler.Replace("handle_new_user", "on_sign_up", StringComparison.Ordinal));
        var before = await scene.Database.QueryAsync<string>(Definitions);

        await scene.InstallAsync();
        var account = await scene.SignUpAsync();

        await scene.AssertProfilesAsync(account);
        await UninstallAsync(scene, includeHistory: true);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
    }

    [Theory]
    [InlineData("z_make_profile", "", false)]
    [InlineData("z_make_profile", "ON CONFLICT DO NOTHING", true)]
    [InlineData("a_make_profile", "", true)]
    public async Task A_trigger_that_would_make_a_second_profile_and_fail_the_sign_up_is_refused(string trigger, string conflict, bool fits)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(
            OwnHandler.Replace("handle_new_user", "make_profile", StringComparison.Ordinal)
                .Replace("TRIGGER on_auth_user_created", $"TRIGGER {trigger}", StringComparison.Ordinal)
                .Replace("'avatar_url');", $"'avatar_url') {conflict};", StringComparison.Ordinal));

        if (!fits)
        {
            var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());
            Assert.Contains(trigger, refused.Message, StringComparison.Ordinal);
            return;
        }

        await scene.InstallAsync();
        await scene.SignUpAsync();
        Assert.Single(await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task Rows_and_columns_of_tables_that_were_there_stay()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.Database.ExecuteAsync(OwnTables);
        const string Rows =
            """
            SELECT concat_ws(' ', table_name, record_id, action, performed_by) FROM cleanup_audit_log WHERE run_id IS NULL
            UNION ALL SELECT concat_ws(' ', status, ghost_users, notes) FROM user_sync_monitoring_log WHERE notes = 'ours' ORDER BY 1
            """;
        var before = await scene.Database.QueryAsync<string>(Definitions);
        var rows = await scene.Database.QueryAsync<string>(Rows.Replace("WHERE run_id IS NULL", "", StringComparison.Ordinal));

        await scene.InstallAsync();
        await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync("SELECT record_user_sync_metrics()");

        Assert.Equal(rows, await scene.Database.QueryAsync<string>(Rows));
        Assert.Equal(2, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM get_sync_status_history()"));
        Assert.Equal(3, (await scene.UndoAsync(repair)).Count("rolled_back"));
        Assert.Empty(await scene.RowsAsync());
        await UninstallAsync(scene, includeHistory: true);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        Assert.Contains(rows[0], await scene.Database.QueryAsync<string>(Rows.Replace("WHERE run_id IS NULL", "", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("CREATE TABLE cleanup_audit_log (what text)")]
    [InlineData("CREATE TABLE cleanup_audit_log (id bigserial PRIMARY KEY, record_id uuid)")]
    [InlineData("CREATE TABLE cleanup_audit_log (id bigserial PRIMARY KEY, demanded text NOT NULL)")]
    [InlineData("CREATE TABLE user_sync_monitoring_log (id bigserial PRIMARY KEY, recorded_at date)")]
    [InlineData("CREATE FUNCTION check_ghost_users() RETURNS integer LANGUAGE sql AS 'SELECT 1'")]
    [InlineData("CREATE FUNCTION handle_new_user() RETURNS integer LANGUAGE sql AS 'SELECT 1'")]
    public async Task What_cannot_be_taken_over_is_refused_before_anything_is_changed(string existing)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.Database.ExecuteAsync(existing);
        var before = await scene.Database.QueryAsync<string>(Definitions);

        var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());

        Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        Assert.False(await scene.Database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    [Theory]
    [InlineData(
        "CREATE FUNCTION check_ghost_users() RETURNS TABLE (ghost_count bigint, sample_ids uuid[]) LANGUAGE sql AS 'SELECT 0::bigint, NULL::uuid[]'")]
    [InlineData("CREATE FUNCTION get_sync_status_history(days_back integer) RETURNS SETOF text LANGUAGE sql AS 'SELECT NULL'")]
    public async Task A_function_with_other_result_columns_is_refused_or_keeps_them(string existing)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.Database.ExecuteAsync(existing);
        const string Faces =
            "SELECT format('%s %s', p.oid::regprocedure, pg_get_function_result(p.oid)) FROM pg_proc p WHERE p.proname IN ('check_ghost_users', 'get_sync_status_history')";
        var before = await scene.Database.QueryAsync<string>(Faces);

        try
        {
            await scene.InstallAsync();
        }
        catch (SchemaException refused)
        {
            Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        }

        Assert.Contains(Assert.Single(before), await scene.Database.QueryAsync<string>(Faces));
    }

    [Fact]
    public async Task A_role_with_a_right_to_triggers_installs_beside_accounts_of_another()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        var (server, installer) = await RolesAsync(scene);
        await using (var asInstaller = await Roles.ConnectAsync(scene.Database, installer))
        {
            var refused = await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(asInstaller));
            Assert.Contains($"GRANT TRIGGER ON auth.users TO \"{installer}\"", refused.Message, StringComparison.Ordinal);
            await scene.Database.ExecuteAsync($"GRANT TRIGGER ON auth.users TO \"{installer}\"");

            await LinkedDatabase.InstallAsync(asInstaller);
            Assert.DoesNotContain(await LinkedDatabase.InstallAsync(asInstaller), step => step.IsNeeded);

            await SignUpAsAsync(scene, server, scene.NewAccount());
            Assert.Single(await scene.RowsAsync());
            Assert.Equal(
                ["on_auth_user_created Enabled", "on_auth_user_updated SwitchedOff"],
                await TransactAsync(
                    asInstaller, "SELECT format('%s %s', trigger_name, state) FROM linkage.triggers(ARRAY['auth.users']) ORDER BY 1"));
            Assert.Equal(["Switch"], await TransactAsync(asInstaller, "SELECT linkage.switch_triggers(-1, false)"));
            await SignUpAsAsync(scene, server, scene.NewAccount());
            Assert.Single(await scene.RowsAsync());
            Assert.Equal(["Switch"], await TransactAsync(asInstaller, "SELECT linkage.switch_triggers(-1, true)"));
            Assert.Equal(["Switch"], await TransactAsync(asInstaller, "SELECT linkage.switch_triggers(-2, true)"));
            await SignUpAsAsync(scene, server, scene.NewAccount() with { Email = "old@example.com" });
            await ExecuteAsAsync(scene, server, "UPDATE auth.users SET email = 'new@example.com' WHERE email = 'old@example.com'");
            Assert.Contains("new@example.com", await scene.Database.QueryAsync<string>("SELECT email FROM users"));

            Assert.Equal(1, (await UserSyncScene.RepairAsync(asInstaller, null, new())).Count("repaired"));
            Assert.Equal(["healthy"], await TransactAsync(asInstaller, "SELECT DISTINCT overall FROM linkage.user_sync_checks()"));
            await new SchemaUninstaller(asInstaller, includeHistory: true).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);
        }

        await SignUpAsAsync(scene, server, scene.NewAccount());
        Assert.Equal(3, (await scene.RowsAsync()).Count);
        Assert.False(await scene.Database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
        await Roles.DropAsync(scene.Database, installer, server);
    }

    [Fact]
    public async Task No_function_is_everybodys_and_those_with_their_owners_rights_lock_their_path()
    {
        await using var scene = await UserSyncScene.CreateAsync();

        Assert.Equal(
            ["get_feature_flag(text)", "normalize_phone(text)", "normalize_phone(text,text)"],
            (await scene.Database.QueryAsync<string>(
                """
                SELECT oid::regprocedure::text FROM pg_proc
                WHERE pronamespace IN ('public'::regnamespace, 'linkage'::regnamespace) AND has_function_privilege('public', oid, 'EXECUTE')
                """)).Append("get_feature_flag(text)").Distinct().Order(StringComparer.Ordinal));
        Assert.Empty(await scene.Database.QueryAsync<string>(
            """
            SELECT oid::regprocedure::text
            FROM pg_proc
            WHERE prosecdef AND (pronamespace = 'linkage'::regnamespace OR linkage.is_own(oid, 'pg_proc'))
              AND (proconfig IS NULL OR NOT proconfig @> ARRAY['search_path=pg_catalog, pg_temp', 'row_security=off'])
            """));
    }

    /// <summary>One role that owns the accounts, and one that owns the profiles and may install.</summary>
    private static async Task<(string Server, string Installer)> RolesAsync(UserSyncScene scene)
    {
        var server = await Roles.CreateAsync(scene.Database, "server");
        var installer = await Roles.CreateAsync(scene.Database, "installer");
        await scene.Database.ExecuteAsync(
            $"""
            ALTER ROLE "{installer}" BYPASSRLS;
            ALTER SCHEMA auth OWNER TO "{server}"; ALTER TABLE auth.users OWNER TO "{server}";
            GRANT USAGE ON SCHEMA auth TO "{installer}"; GRANT SELECT ON auth.users TO "{installer}";
            GRANT ALL ON SCHEMA public TO "{installer}"; ALTER TABLE users OWNER TO "{installer}";
            GRANT CREATE ON DATABASE {scene.Database.Engine.Database} TO "{installer}";
            """);
        return (server, installer);
    }

    private static Task<Account> SignUpAsAsync(UserSyncScene scene, string role, Account account) => AsAsync(
        scene, role, session => scene.SignUpAsync(account, session));

    private static Task<int> ExecuteAsAsync(UserSyncScene scene, string role, string sql) => AsAsync(
        scene, role, session => session.ExecuteAsync(sql));

    private static async Task<T> AsAsync<T>(UserSyncScene scene, string role, Func<NpgsqlConnection, Task<T>> work)
    {
        await using var session = new NpgsqlConnection(Roles.ConnectionString(scene.Database, role) + ";Pooling=false");
        await session.OpenAsync();
        return await work(session);
    }

    private static Task<IReadOnlyList<string>> TransactAsync(LinkageDatabase engine, string sql) =>
        engine.TransactAsync(
            TransactionOptions.ReadWrite, session => session.QueryAsync<string>(sql), CancellationToken.None);

    private static async Task<List<SchemaRemoval>> UninstallAsync(UserSyncScene scene, bool includeHistory)
    {
        List<SchemaRemoval> removals = [];
        await new SchemaUninstaller(scene.Database.Engine, includeHistory).ApplyAsync(removals.Add, waiting: null, CancellationToken.None);
        return removals;
    }
}
