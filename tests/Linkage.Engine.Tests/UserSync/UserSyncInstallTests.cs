using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;
using static Linkage.Engine.Tests.UserSync.UserSyncScene;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>Where user sync can be installed, and by whom.</summary>
public sealed class UserSyncInstallTests
{
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
}
