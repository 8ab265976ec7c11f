using Linkage.Engine.Sandbox;
using Linkage.Engine.Schema;

namespace Linkage.Engine.Tests.Schema;

public sealed class SchemaUninstallerTests
{
    private static async Task<List<SchemaRemoval>> UninstallAsync(LinkedDatabase database, bool includeHistory)
    {
        List<SchemaRemoval> removals = [];
        await new SchemaUninstaller(database.Engine, includeHistory).ApplyAsync(removals.Add, waiting: null, CancellationToken.None);
        return removals;
    }

    [Fact]
    public async Task A_database_that_had_nothing_has_nothing_again()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        const string Objects =
            """
            SELECT pg_describe_object('pg_class'::regclass, oid, 0) FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT pg_describe_object('pg_proc'::regclass, oid, 0) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT pg_describe_object('pg_trigger'::regclass, oid, 0) FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
            ORDER BY 1
            """;
        var before = await database.QueryAsync<string>(Objects);
        await database.InstallAsync();

        await UninstallAsync(database, includeHistory: true);

        Assert.Equal(before, await database.QueryAsync<string>(Objects));
    }

    [Fact]
    public async Task A_trigger_on_a_table_of_another_role_goes_with_its_function()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await AuthenticationSchema.CreateAsync(database.Connection, CancellationToken.None);
        var installer = await Roles.CreateAsync(database, "installer");
        await Roles.GiveTablesAsync(database, installer);
        await database.ExecuteAsync(
            $"""
            GRANT CREATE ON DATABASE "{database.Engine.Database}" TO "{installer}"; ALTER ROLE "{installer}" BYPASSRLS;
            GRANT USAGE ON SCHEMA auth TO "{installer}"; GRANT SELECT, TRIGGER ON auth.users TO "{installer}";
            """);
        const string Triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal ORDER BY 1";
        await using (var asInstaller = await Roles.ConnectAsync(database, installer))
        {
            await LinkedDatabase.InstallAsync(asInstaller);
            Assert.Equal(["on_auth_user_created", "on_auth_user_updated"], await database.QueryAsync<string>(Triggers));

            await new SchemaUninstaller(asInstaller, includeHistory: true).ApplyAsync(_ => { }, waiting: null, CancellationToken.None);
        }

        Assert.Empty(await database.QueryAsync<string>(Triggers));
        Assert.Empty(await database.QueryAsync<string>("SELECT proname FROM pg_proc WHERE proname LIKE 'handle\\_%'"));
        await Roles.DropAsync(database, installer);
    }

    [Fact]
    public async Task Without_the_history_audit_and_runs_stay_and_serve_again_after_a_reinstall()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();
        await database.ExecuteAsync("SELECT * FROM rollback_user_links(now() - interval '1 day', 'message_deliveries', false)");

        await UninstallAsync(database, includeHistory: false);

        Assert.Equal(1, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.run"));
        Assert.Equal(2, await database.ScalarAsync<int>("SELECT count(*) FROM user_link_audit"));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM pg_proc WHERE pronamespace = 'linkage'::regnamespace"));

        await database.InstallAsync();
        await database.ExecuteAsync("UPDATE message_deliveries SET status = 'sent'");
        Assert.Null(await database.ScalarAsync<Guid?>("SELECT user_id FROM message_deliveries"));
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_adopted_database_gets_its_own_definitions_and_grants_back(bool isReinstalledInBetween)
    {
        await using var database = await LegacyDatabase.CreateAsync();
        var before = await LegacyDatabase.DefinitionsAsync(database.Connection);
        await database.InstallAsync();
        if (isReinstalledInBetween)
        {
            await UninstallAsync(database, includeHistory: false);
            await database.InstallAsync();
        }

        var removals = await UninstallAsync(database, includeHistory: true);

        Assert.Equal(before, await LegacyDatabase.DefinitionsAsync(database.Connection));
        Assert.Equal(1, await database.ScalarAsync<int>("SELECT count(*) FROM user_link_audit"));
        Assert.DoesNotContain(removals, r => r.Action == "Kept");
        Assert.False(await database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    [Fact]
    public async Task A_plan_names_the_same_objects_and_changes_nothing()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();

        var plan = await new SchemaUninstaller(database.Engine, includeHistory: true).PlanAsync(CancellationToken.None);

        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
        Assert.Equal(plan.Order(Comparer<SchemaRemoval>.Create((a, b) => string.CompareOrdinal(a.Name + a.Action, b.Name + b.Action))),
            (await UninstallAsync(database, includeHistory: true)).OrderBy(r => r.Name + r.Action, StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_the_application_made_depend_on_linkage_stays_and_is_named()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE INDEX applications_own ON users (normalize_phone(phone));
            CREATE VIEW runs AS SELECT id FROM linkage.run;
            INSERT INTO feature_flags (name, enabled) VALUES ('SOMETHING_ELSE', true);
            """);

        var removals = await UninstallAsync(database, includeHistory: true);

        Assert.Equal(
            ["function public.get_feature_flag(text)", "function public.normalize_phone(text)", "table linkage.run", "table public.feature_flags"],
            removals.Where(r => r.Action == "Kept").Select(r => r.Name).Order(StringComparer.Ordinal));
        Assert.Contains("applications_own", removals.Single(r => r.Name == "function public.normalize_phone(text)").Reason);
        Assert.True(await database.ScalarAsync<bool>("SELECT get_feature_flag('SOMETHING_ELSE')"));
    }

    [Fact]
    public async Task A_database_without_linkage_is_refused_by_name()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();

        var fault = await Assert.ThrowsAsync<SchemaException>(() => UninstallAsync(database, includeHistory: false));

        Assert.Contains(database.Engine.Database, fault.Message);
    }
}
