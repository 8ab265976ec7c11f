using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

public sealed class SchemaInstallerFaultTests
{
    [Fact]
    public async Task A_busy_table_is_waited_for_in_short_attempts_that_let_writers_through()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync("BEGIN; INSERT INTO message_deliveries DEFAULT VALUES");
        List<string> waits = [];
        var installer = new SchemaInstaller(database.Engine);
        var plan = await installer.PlanAsync([], CancellationToken.None);

        var install = installer.ApplyAsync(plan, _ => { }, waits.Add, CancellationToken.None);
        await Poll.UntilAsync(() => waits.Count >= 2, TimeSpan.FromSeconds(60));
        await using (var writer = await database.OpenAsync())
            await writer.ExecuteAsync("SET statement_timeout = '10s'; INSERT INTO message_deliveries DEFAULT VALUES; RESET statement_timeout");
        Assert.False(install.IsCompleted);
        await database.ExecuteAsync("COMMIT");
        await install;

        Assert.Contains("T__auto_link_user", waits[0]);
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task Two_installs_at_once_give_one_result()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await using var other = await LinkageDatabase.OpenAsync(database.ConnectionString, CancellationToken.None);

        await Task.WhenAll(database.InstallAsync(), LinkedDatabase.InstallAsync(other));

        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"));
        Assert.Equal(
            "raw_phone", await database.ScalarAsync<string>("SELECT pg_get_function_identity_arguments('normalize_phone(text)'::regprocedure)") is { } a ? a.Split(' ')[0] : null);
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.replaced_definition WHERE restore::text LIKE '%linkage.%'"));
    }

    [Fact]
    public async Task An_index_build_that_is_cancelled_leaves_nothing_and_tells_whom_it_waits_for()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        List<string> waits = [];
        using var stop = new CancellationTokenSource();
        var installer = new SchemaInstaller(database.Engine);
        var plan = await installer.PlanAsync([], CancellationToken.None);
        // A snapshot, on any table at all, holds up the end of a concurrent build; it is taken once the triggers stand.
        await using var reader = await database.OpenAsync();
        var lastTrigger = plan.Steps.Last(s => s.Kind == MigrationKind.Trigger);

        var install = installer.ApplyAsync(
            plan,
            step =>
            {
                if (step == lastTrigger)
                    reader.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
            },
            waits.Add,
            stop.Token);
        await Poll.UntilAsync(() => waits.Exists(w => w.Contains("waits for session", StringComparison.Ordinal)), TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await Task.WhenAny(install, Task.Delay(TimeSpan.FromSeconds(5)));
        await reader.ExecuteAsync("COMMIT");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => install);

        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"));
        await database.InstallAsync();
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task An_invalid_leftover_is_found_and_built_anew()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(
            """
            CREATE INDEX idx_message_deliveries_phone_user_null ON message_deliveries (phone_number) WHERE user_id IS NULL;
            UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_message_deliveries_phone_user_null'::regclass;
            """);

        var steps = await database.InstallAsync();

        Assert.Contains(steps, s => s.IsNeeded && s.Notes.Any(n => n.Contains("is invalid", StringComparison.Ordinal)));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"));
        Assert.True(await database.ScalarAsync<bool>("SELECT to_regclass('idx_message_deliveries_phone_user_null') IS NOT NULL"));
    }

    [Fact]
    public async Task A_name_that_something_else_has_is_refused()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync("CREATE TABLE idx_users_phone_normalized ()");

        var fault = await Assert.ThrowsAsync<LinkageException>(database.InstallAsync);

        Assert.Equal("Linkage.Schema.NameTaken", fault.ErrorId);
    }

    [Theory]
    [InlineData("CREATE FUNCTION backfill_user_links(text, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'", "a call could mean either")]
    [InlineData("CREATE FUNCTION link_user_by_phone(uuid, text) RETURNS TABLE (user_id uuid, confidence real) LANGUAGE sql AS 'SELECT NULL::uuid, 1::real'", "returns confidence")]
    [InlineData("CREATE FUNCTION link_user_by_phone(uuid, text) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb'", "returns jsonb")]
    [InlineData("CREATE FUNCTION normalize_phone(p text, region text DEFAULT 'US') RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT p'", "default")]
    [InlineData("CREATE FUNCTION normalize_phone(p text) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT 1::bigint'", "returns bigint")]
    [InlineData("CREATE PROCEDURE rollback_user_links(timestamptz, text, boolean) LANGUAGE sql AS 'SELECT 1'", "is a procedure")]
    [InlineData("CREATE FUNCTION get_feature_flag(text) RETURNS text LANGUAGE sql AS 'SELECT $1'", "returns text")]
    [InlineData("CREATE TABLE feature_flags (what text, how text)", "no column")]
    [InlineData("CREATE TABLE user_link_audit (id bigint, table_name text, outcome text, created_at timestamptz, region text NOT NULL)", "region")]
    [InlineData("CREATE TABLE user_link_audit (id bigint, table_name text, outcome text, created_at timestamptz, record_id uuid UNIQUE)", "one audit row only")]
    public async Task What_cannot_be_adopted_is_refused_with_its_remedy_and_nothing_is_changed(string existing, string problem)
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(existing);

        var fault = await Assert.ThrowsAsync<SchemaException>(database.InstallAsync);

        Assert.Equal("Linkage.Schema.CannotAdopt", fault.ErrorId);
        Assert.Contains(problem, fault.Message);
        Assert.False(await database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    [Fact]
    public async Task A_trigger_of_another_table_that_runs_an_adopted_function_is_refused()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE bulk_deliveries (LIKE message_deliveries); CREATE TRIGGER t BEFORE INSERT ON bulk_deliveries FOR EACH ROW EXECUTE FUNCTION auto_link_user_by_phone_trigger()");

        var fault = await Assert.ThrowsAsync<SchemaException>(database.InstallAsync);

        Assert.Contains("bulk_deliveries", fault.Message);
    }

    [Fact]
    public async Task Flags_that_the_applications_table_does_not_take_are_refused_with_the_remedy()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync("CREATE TABLE feature_flags (flag_name text PRIMARY KEY, is_enabled boolean, team text NOT NULL)");

        var fault = await Assert.ThrowsAsync<LinkageException>(database.InstallAsync);
        Assert.Equal("Linkage.Schema.CannotAdopt", fault.ErrorId);
        Assert.Contains("Insert LINK_USER_BY_PHONE", fault.Message);

        await database.ExecuteAsync("INSERT INTO feature_flags VALUES ('LINK_USER_BY_PHONE', true, 'guests'), ('LINK_USER_BY_PHONE_FALLBACK_TO_USERS', false, 'guests')");
        await database.InstallAsync();
        Assert.True(await database.ScalarAsync<bool>("SELECT get_feature_flag('LINK_USER_BY_PHONE')"));
    }

    [Fact]
    public async Task A_failure_in_the_middle_leaves_nothing_behind()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var before = await LegacyDatabase.DefinitionsAsync(database.Connection);
        await database.ExecuteAsync(
            """
            CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE 'linkage.undo_user_links(%') THEN
                RAISE EXCEPTION 'not today';
              END IF;
            END $$;
            CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION refuse();
            """);

        await Assert.ThrowsAsync<PostgresException>(database.InstallAsync);

        await database.ExecuteAsync("DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()");
        Assert.Equal(before, await LegacyDatabase.DefinitionsAsync(database.Connection));
        Assert.False(await database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    [Fact]
    public async Task A_unique_index_that_the_new_definition_would_break_stays_and_is_named()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        // Both are NULL to the former function's eye only where it matters: two ways to write one Italian number.
        await database.ExecuteAsync(
            """
            CREATE UNIQUE INDEX users_phone_key ON users ((COALESCE(normalize_phone(phone), phone)));
            INSERT INTO users (phone) VALUES ('+39 06 1234567'), ('+39061234567');
            """);

        var fault = await Assert.ThrowsAsync<SchemaException>(database.InstallAsync);

        Assert.Contains("public.users_phone_key", fault.Message);
        Assert.Equal(
            ["users_phone_key true"],
            await database.QueryAsync<string>("SELECT format('%s %s', indexrelid::regclass, indisvalid::text) FROM pg_index WHERE indexrelid::regclass::text LIKE 'users_phone_key%'"));
        await database.ExecuteAsync("DELETE FROM users WHERE phone = '+39061234567'");
        await database.InstallAsync();
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task A_component_whose_tables_are_missing_is_left_out_unless_it_is_asked_for()
    {
        await using var test = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var database = await LinkageDatabase.OpenAsync(test.ConnectionString, CancellationToken.None);
        var installer = new SchemaInstaller(database);

        var plan = await installer.PlanAsync([], CancellationToken.None);
        await LinkedDatabase.InstallAsync(database);

        Assert.Contains("users.id", plan.Omitted["UserLinks"]);
        Assert.DoesNotContain(await LinkedDatabase.InstallAsync(database), step => step.IsNeeded);
        await Assert.ThrowsAsync<SchemaException>(() => installer.PlanAsync(["UserLinks"], CancellationToken.None));
        await Assert.ThrowsAsync<SchemaException>(() => installer.PlanAsync(["Nonsense"], CancellationToken.None));
    }

    [Fact]
    public async Task The_application_may_live_in_a_schema_of_any_name_and_stays_there()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(
            """
            CREATE SCHEMA "Odd User";
            ALTER TABLE users SET SCHEMA "Odd User"; ALTER TABLE events SET SCHEMA "Odd User"; ALTER TABLE event_guests SET SCHEMA "Odd User";
            ALTER TABLE messages SET SCHEMA "Odd User"; ALTER TABLE message_deliveries SET SCHEMA "Odd User";
            """);

        await LinkedDatabase.InstallAsync(database.Engine, "Odd User");

        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT processed_count FROM \"Odd User\".backfill_user_links('message_deliveries')"));
        await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(database.Engine, "public"));
    }

    [Theory]
    [InlineData("no such schema")]
    [InlineData("o'brien\"; DROP TABLE users; --")]
    public async Task A_schema_that_does_not_exist_is_refused_by_name(string schema)
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();

        var fault = await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(database.Engine, schema));

        Assert.Contains(schema, fault.Message);
    }
}
