using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

/// <summary>Who may install, and whom what is installed serves. Roles belong to the server, hence names of each test's own.</summary>
public sealed class InstallPrivilegesTests
{
    private static async Task<LinkageDatabase> ConnectAsync(LinkedDatabase database, string role)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = role, Password = "secret" };
        return await LinkageDatabase.OpenAsync(settings.ConnectionString, CancellationToken.None);
    }

    private static async Task<string> CreateRoleAsync(LinkedDatabase database, string kind)
    {
        var role = $"{kind} of {database.Engine.Database}";
        await database.ExecuteAsync($"DROP ROLE IF EXISTS \"{role}\"; CREATE ROLE \"{role}\" LOGIN PASSWORD 'secret'");
        return role;
    }

    private static Task<int> GiveTablesAsync(LinkedDatabase database, string role) => database.ExecuteAsync(
        $"""
        GRANT ALL ON SCHEMA public TO "{role}";
        ALTER TABLE users OWNER TO "{role}"; ALTER TABLE events OWNER TO "{role}"; ALTER TABLE event_guests OWNER TO "{role}";
        ALTER TABLE messages OWNER TO "{role}"; ALTER TABLE message_deliveries OWNER TO "{role}";
        ALTER FUNCTION upsert_message_delivery(uuid, uuid, text, uuid, text) OWNER TO "{role}";
        """);

    private static async Task DropRolesAsync(LinkedDatabase database, params string[] roles)
    {
        foreach (var role in roles)
            await database.ExecuteAsync($"DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"");
    }

    [Fact]
    public async Task The_owner_of_the_tables_installs_without_being_superuser_and_an_ordinary_role_writes_as_before()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await CreateRoleAsync(database, "owner");
        var application = await CreateRoleAsync(database, "application");
        await GiveTablesAsync(database, owner);
        await database.ExecuteAsync(
            $"""
            GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO "{application}";
            INSERT INTO events (id) VALUES ('00000000-0000-0000-0000-0000000000e1');
            INSERT INTO messages (id, event_id) VALUES ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000e1');
            INSERT INTO users (id, phone) VALUES ('00000000-0000-0000-0000-0000000000a1', '8725292147');
            INSERT INTO event_guests (id, event_id, phone)
            VALUES ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000e1', '8725292147');
            """);
        await using (var asOwner = await ConnectAsync(database, owner))
        {
            var fault = await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(asOwner));
            Assert.Contains($"GRANT CREATE ON DATABASE {asOwner.Database} TO \"{owner}\"", fault.Message);
            await database.ExecuteAsync($"GRANT CREATE ON DATABASE {asOwner.Database} TO \"{owner}\"");

            await LinkedDatabase.InstallAsync(asOwner);
            Assert.DoesNotContain(await LinkedDatabase.InstallAsync(asOwner), step => step.IsNeeded);
        }

        await database.ExecuteAsync($"SET ROLE \"{application}\"");
        await database.ExecuteAsync("SELECT upsert_message_delivery('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1', '8725292147')");
        await database.ExecuteAsync("UPDATE event_guests SET user_id = '00000000-0000-0000-0000-0000000000a1'");
        await database.ExecuteAsync("SELECT upsert_message_delivery('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1', '(872) 529-2147')");
        var denied = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync("SELECT * FROM backfill_user_links('message_deliveries')"));
        await database.ExecuteAsync("RESET ROLE");

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, denied.SqlState);
        Assert.Equal(1, await database.ScalarAsync<int>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        Assert.Equal(
            ["message_deliveries no_match trigger", "message_deliveries_backfill linked guest link"],
            await database.QueryAsync<string>("SELECT format('%s %s %s', table_name, outcome, source) FROM user_link_audit ORDER BY 1"));
        await DropRolesAsync(database, application, owner);
    }

    [Fact]
    public async Task A_role_that_does_not_own_the_tables_is_told_whom_to_ask()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await CreateRoleAsync(database, "owner");
        var stranger = await CreateRoleAsync(database, "stranger");
        await GiveTablesAsync(database, owner);
        await database.ExecuteAsync($"GRANT CREATE ON DATABASE {database.Engine.Database} TO \"{stranger}\"");
        await using var asStranger = await ConnectAsync(database, stranger);

        var fault = await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(asStranger));

        Assert.Contains($"Table public.message_deliveries belongs to role \"{owner}\"", fault.Message);
        Assert.Contains($"GRANT \"{owner}\" TO \"{stranger}\"", fault.Message);
        Assert.Contains($"GRANT USAGE, CREATE ON SCHEMA public TO \"{stranger}\"", fault.Message);
        await DropRolesAsync(database, stranger, owner);
    }

    [Fact]
    public async Task What_a_superuser_installs_over_another_roles_functions_works_for_that_role()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var owner = await CreateRoleAsync(database, "owner");
        await GiveTablesAsync(database, owner);
        await database.ExecuteAsync(
            $"""
            DO $do$
            DECLARE f regprocedure;
            BEGIN
              FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace LOOP
                EXECUTE format('ALTER FUNCTION %s OWNER TO %I', f, '{owner}');
              END LOOP;
            END $do$;
            ALTER TABLE user_link_audit OWNER TO "{owner}"; ALTER TABLE feature_flags OWNER TO "{owner}";
            """);
        var before = await LegacyDatabase.DefinitionsAsync(database.Connection);

        await database.InstallAsync();

        await database.ExecuteAsync(
            $"""
            SET ROLE "{owner}";
            UPDATE message_deliveries SET user_id = NULL;
            UPDATE message_deliveries SET status = 'again';
            """);
        Assert.Equal(1, await database.ScalarAsync<int>("SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT processed_count FROM backfill_user_links('message_deliveries')"));
        Assert.Equal(1, await database.ScalarAsync<int>("SELECT rolled_back_count FROM rollback_user_links(now() - interval '1 day')"));
        Assert.Equal("linked", await database.ScalarAsync<string>("SELECT outcome FROM link_user_by_phone(@Event, '8725292147')", new { LegacyDatabase.Event }));
        await database.ExecuteAsync("RESET ROLE");
        await new SchemaUninstaller(database.Engine, includeHistory: true).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);
        Assert.Equal(before, await LegacyDatabase.DefinitionsAsync(database.Connection));
        await DropRolesAsync(database, owner);
    }

    [Fact]
    public async Task Whoever_upgrades_the_objects_keep_their_owner_and_grants_on_them_stay()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await CreateRoleAsync(database, "owner");
        var operations = await CreateRoleAsync(database, "operations");
        await GiveTablesAsync(database, owner);
        await database.ExecuteAsync($"GRANT CREATE ON DATABASE {database.Engine.Database} TO \"{owner}\"");
        await using (var asOwner = await ConnectAsync(database, owner))
            await LinkedDatabase.InstallAsync(asOwner);
        await database.ExecuteAsync(
            $"""
            GRANT EXECUTE ON FUNCTION linkage.own_objects() TO "{operations}";
            GRANT EXECUTE ON FUNCTION rollback_user_links(timestamptz, text, boolean) TO "{operations}";
            UPDATE linkage.migration SET checksum = 'of an earlier version';
            """);

        await database.InstallAsync();

        Assert.Equal(
            [owner],
            await database.QueryAsync<string>(
                """
                SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc
                WHERE pronamespace = 'linkage'::regnamespace OR obj_description(oid, 'pg_proc') LIKE 'Linkage: %'
                """));
        foreach (var function in new[] { "linkage.own_objects()", "rollback_user_links(timestamptz, text, boolean)" })
            Assert.True(await database.ScalarAsync<bool>("SELECT has_function_privilege(@operations, @function, 'EXECUTE')", new { operations, function }));
        await DropRolesAsync(database, operations, owner);
    }

    [Fact]
    public async Task Functions_that_run_with_their_owners_rights_lock_their_path_and_are_nobodys_by_default()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        Assert.Empty(await database.QueryAsync<string>(
            """
            SELECT oid::regprocedure::text FROM pg_proc
            WHERE pronamespace IN ('public'::regnamespace, 'linkage'::regnamespace) AND prosecdef
              AND NOT EXISTS (SELECT FROM unnest(proconfig) c WHERE c LIKE 'search\_path=pg\_catalog,%pg\_temp')
            """));
        Assert.Equal(
            ["get_feature_flag(text)", "normalize_phone(text)", "normalize_phone(text,text)", "upsert_message_delivery(uuid,uuid,text,uuid,text)"],
            await database.QueryAsync<string>(
                """
                SELECT oid::regprocedure::text FROM pg_proc
                WHERE pronamespace IN ('public'::regnamespace, 'linkage'::regnamespace) AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY 1
                """));
    }
}
