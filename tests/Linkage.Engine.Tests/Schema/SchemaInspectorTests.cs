using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

public sealed class SchemaInspectorTests
{
    private static async Task<Dictionary<string, CheckResult>> CheckAsync(LinkedDatabase database) =>
        (await new SchemaInspector(database.Engine).CheckAsync(CancellationToken.None)).ToDictionary(c => c.Check);

    private static async Task AssertOneAsync(LinkedDatabase database, string check, CheckStatus status, string named)
    {
        var checks = await CheckAsync(database);
        Assert.Equal(status, checks[check].Status);
        Assert.Equal(1, checks[check].Value);
        Assert.Contains(named, checks[check].Message);
        Assert.All(checks.Values.Where(c => c.Check != check), c => Assert.Equal(CheckStatus.Healthy, c.Status));
    }

    [Fact]
    public async Task A_fresh_install_is_healthy()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        Assert.All((await CheckAsync(database)).Values, c => Assert.Equal(CheckStatus.Healthy, c.Status));
    }

    [Fact]
    public async Task An_adopted_database_tells_only_of_the_index_that_it_kept()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();

        await AssertOneAsync(database, "SchemaIndexes", CheckStatus.Warning, "public.idx_user_link_audit_created_at (another definition)");
    }

    [Fact]
    public async Task A_database_without_linkage_has_one_check_which_says_so()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();

        var check = Assert.Single((await CheckAsync(database)).Values);

        Assert.Equal(("SchemaInstalled", CheckStatus.Critical), (check.Check, check.Status));
    }

    [Fact]
    public async Task A_disabled_trigger_is_critical()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync("ALTER TABLE event_guests DISABLE TRIGGER trigger_backfill_deliveries_on_guest_link");

        await AssertOneAsync(database, "SchemaTriggers", CheckStatus.Critical, "trigger_backfill_deliveries_on_guest_link");
    }

    [Fact]
    public async Task A_dropped_function_is_critical_and_an_install_brings_it_back()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync("DROP FUNCTION rollback_user_links(timestamptz, text, boolean)");

        await AssertOneAsync(database, "SchemaObjects", CheckStatus.Critical, "function public.rollback_user_links");
        await database.InstallAsync();
        Assert.All((await CheckAsync(database)).Values, c => Assert.Equal(CheckStatus.Healthy, c.Status));
    }

    [Fact]
    public async Task A_function_changed_by_hand_is_named_and_an_install_brings_it_back()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE OR REPLACE FUNCTION get_feature_flag(flag_name text) RETURNS boolean LANGUAGE sql AS 'SELECT true'");

        await AssertOneAsync(database, "SchemaDefinitions", CheckStatus.Warning, "function public.get_feature_flag(text)");
        await database.InstallAsync();
        Assert.All((await CheckAsync(database)).Values, c => Assert.Equal(CheckStatus.Healthy, c.Status));
    }

    [Fact]
    public async Task Even_the_function_that_lists_the_others_may_be_missing()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync("DROP FUNCTION linkage.own_objects()");

        Assert.Equal(CheckStatus.Critical, (await CheckAsync(database))["SchemaObjects"].Status);
        await database.InstallAsync();
        Assert.All((await CheckAsync(database)).Values, c => Assert.Equal(CheckStatus.Healthy, c.Status));
    }

    [Fact]
    public async Task Missing_and_invalid_indexes_are_told_apart()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            DROP INDEX idx_users_phone_normalized;
            UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_user_link_audit_run'::regclass;
            """);

        var check = (await CheckAsync(database))["SchemaIndexes"];

        Assert.Equal(
            ["public.idx_user_link_audit_run (invalid)", "public.idx_users_phone_normalized (missing)"], Assert.IsType<string[]>(check.Details["Indexes"]));
        await database.InstallAsync();
        Assert.Equal(CheckStatus.Healthy, (await CheckAsync(database))["SchemaIndexes"].Status);
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"));
    }

    [Fact]
    public async Task A_role_that_only_watches_may_check()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        var watcher = $"watcher of {database.Engine.Database}";
        await database.ExecuteAsync(
            $"""
            CREATE ROLE "{watcher}" LOGIN PASSWORD 'secret';
            GRANT USAGE ON SCHEMA linkage TO "{watcher}";
            GRANT SELECT ON ALL TABLES IN SCHEMA linkage TO "{watcher}";
            GRANT EXECUTE ON FUNCTION
              linkage.own_objects(), linkage.is_own(oid, regclass), linkage.object_name(oid, regclass),
              linkage.target_problem(linkage.link_target), linkage.target_table(linkage.link_target)
            TO "{watcher}";
            """);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = watcher, Password = "secret" };
        await using (var asWatcher = await LinkageDatabase.OpenAsync(settings.ConnectionString, CancellationToken.None))
        {
            Assert.All(await new SchemaInspector(asWatcher).CheckAsync(CancellationToken.None), c => Assert.Equal(CheckStatus.Healthy, c.Status));
            await Assert.ThrowsAsync<SchemaException>(() => LinkedDatabase.InstallAsync(asWatcher));
        }

        await database.ExecuteAsync($"DROP OWNED BY \"{watcher}\"; DROP ROLE \"{watcher}\"");
    }

    [Fact]
    public async Task A_script_of_another_version_is_out_of_date()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync("UPDATE linkage.migration SET checksum = 'other', module_version = '0.0.1' WHERE name = 'R__5_undo'");

        await AssertOneAsync(database, "SchemaVersion", CheckStatus.Warning, "1 scripts");
    }

    [Fact]
    public async Task A_newer_module_s_install_is_told_and_not_overwritten()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync("UPDATE linkage.migration SET checksum = 'other', module_version = '99.0.0' WHERE name = 'R__5_undo'");

        await AssertOneAsync(database, "SchemaVersion", CheckStatus.Warning, "99.0.0");
        var fault = await Assert.ThrowsAsync<SchemaException>(database.InstallAsync);
        Assert.Equal("Linkage.Schema.Newer", fault.ErrorId);
    }
}
