using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

/// <summary>Who may install, and whom what is installed serves. Roles belong to the server, hence names of each test's own.</summary>
public sealed class InstallPrivilegesTests
{
    [Fact]
    public async Task The_owner_of_the_tables_installs_without_being_superuser_and_an_ordinary_role_writes_as_before()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await Roles.CreateAsync(database, "owner");
        var application = await Roles.CreateAsync(database, "application");
        await Roles.GiveTablesAsync(database, owner);
        await database.ExecuteAsync(
            $"""
            GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO "{application}";
            INSERT INTO events (id) VALUES ('00000000-0000-0000-0000-0000000000e1');
            INSERT INTO messages (id, event_id) VALUES ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000e1');
            INSERT INTO users (id, phone) VALUES ('00000000-0000-0000-0000-0000000000a1', '8725292147');
            INSERT INTO event_guests (id, event_id, phone)
            VALUES ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000e1', '8725292147');
            """);
        await using (var asOwner = await Roles.ConnectAsync(database, owner))
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
        await Roles.DropAsync(database, application, owner);
    }

    [Fact]
    public async Task A_role_that_does_not_own_the_tables_is_told_whom_to_ask()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await Roles.CreateAsync(database, "owner");
        var stranger = await Roles.CreateAsync(database, "stranger");
        await Roles.GiveTablesAsync(database, owner);
        await database.ExecuteAsync($"GRANT CREATE ON DATABASE {database.Engine.Database} TO \"{stranger}\"");
        await using var asStranger = await Roles.ConnectAsync(database, stranger);

        var fault = await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(asStranger));

        Assert.Contains($"Table public.message_deliveries belongs to role \"{owner}\"", fault.Message);
        Assert.Contains($"GRANT \"{owner}\" TO \"{stranger}\"", fault.Message);
        Assert.Contains($"GRANT USAGE, CREATE ON SCHEMA public TO \"{stranger}\"", fault.Message);
        await Roles.DropAsync(database, stranger, owner);
    }

    [Fact]
    public async Task What_a_superuser_installs_over_another_roles_functions_works_for_that_role()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var owner = await Roles.CreateAsync(database, "owner");
        await Roles.GiveTablesAsync(database, owner);
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
        await Roles.DropAsync(database, owner);
    }

    [Fact]
    public async Task Whoever_upgrades_the_objects_keep_their_owner_and_grants_on_them_stay()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await Roles.CreateAsync(database, "owner");
        var operations = await Roles.CreateAsync(database, "operations");
        await Roles.GiveTablesAsync(database, owner);
        await database.ExecuteAsync($"GRANT CREATE ON DATABASE {database.Engine.Database} TO \"{owner}\"");
        await using (var asOwner = await Roles.ConnectAsync(database, owner))
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
        await Roles.DropAsync(database, operations, owner);
    }

    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO PUBLIC")]
    [InlineData("CREATE ROLE \"somebody of $database\"; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO \"somebody of $database\"")]
    public async Task No_function_is_everybodys_but_those_that_need_to_be_whatever_is_granted_by_default(string defaults)
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(defaults.Replace("$database", database.Engine.Database, StringComparison.Ordinal));
        await database.InstallAsync();
        await database.ExecuteAsync("UPDATE linkage.migration SET checksum = 'of an earlier version'");

        foreach (var upgraded in new[] { false, true })
        {
            if (upgraded)
                await database.InstallAsync();
            Assert.Equal(
                ["get_feature_flag(text)", "normalize_phone(text)", "normalize_phone(text,text)", "upsert_message_delivery(uuid,uuid,text,uuid,text)"],
                await database.QueryAsync<string>(
                    """
                    SELECT oid::regprocedure::text FROM pg_proc
                    WHERE pronamespace IN ('public'::regnamespace, 'linkage'::regnamespace) AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY 1
                    """));
        }

        if (defaults.Contains("CREATE ROLE", StringComparison.Ordinal))
            await Roles.DropAsync(database, $"somebody of {database.Engine.Database}");
    }

    [Fact]
    public async Task A_function_that_was_everybodys_before_stays_so_and_can_be_called()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var application = await Roles.CreateAsync(database, "application");
        await database.ExecuteAsync($"GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"{application}\"");
        await database.InstallAsync();

        await database.ExecuteAsync($"SET ROLE \"{application}\"");
        var outcome = await database.ScalarAsync<string>("SELECT outcome FROM link_user_by_phone(@Event, '8725292147')", new { LegacyDatabase.Event });
        await database.ExecuteAsync("RESET ROLE");

        Assert.Equal("linked", outcome);
        await Roles.DropAsync(database, application);
    }

    [Fact]
    public async Task Functions_that_run_with_their_owners_rights_lock_their_path_and_take_no_filtered_read_for_the_whole()
    {
        await using var fresh = await LinkedDatabase.CreateAsync();
        await using var legacy = await LegacyDatabase.CreateAsync();
        await legacy.InstallAsync();

        foreach (var database in new[] { fresh, legacy })
        {
            var functions = await database.QueryAsync<(string Name, bool IsLocked, bool IsWhole)>(
                """
                SELECT
                  oid::regprocedure::text,
                  'search_path=pg_catalog, pg_temp' = ANY (proconfig),
                  'row_security=off' = ANY (proconfig)
                FROM pg_proc
                WHERE prosecdef AND (pronamespace = 'linkage'::regnamespace OR linkage.is_own(oid, 'pg_proc'))
                """);
            Assert.NotEmpty(functions);
            Assert.DoesNotContain(functions, f => !f.IsLocked || !f.IsWhole);
        }
    }
}
