using Linkage.Engine.Checks;
using Npgsql;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>Where the columns of a profile come from: found by comparing the two tables, or mapped by hand.</summary>
public sealed class ProfileMappingTests
{
    [Fact]
    public async Task Columns_are_found_by_comparing_the_tables_and_secrets_stay_out()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        await UserSyncScene.CreateTablesAsync(database.Connection, new("", "SELECT NULL", []));
        await database.ExecuteAsync(
            """
            CREATE TABLE public.users (LIKE auth.users INCLUDING DEFAULTS);
            ALTER TABLE public.users ADD PRIMARY KEY (id);
            """);
        await LinkedDatabase.InstallAsync(database.Engine);
        await database.ExecuteAsync(
            """
            INSERT INTO auth.users (
              id, aud, role, email, encrypted_password, confirmation_token, recovery_token, email_change_token_new, email_change,
              phone_change_token, reauthentication_token, raw_app_meta_data, is_super_admin, instance_id, created_at)
            VALUES (
              gen_random_uuid(), 'secret', 'secret', 'ann@example.com', 'secret', 'secret', 'secret', 'secret', 'secret', 'secret', 'secret',
              '{"a": "secret"}', true, gen_random_uuid(), now())
            """);

        var copied = await database.ScalarAsync<string>("SELECT to_jsonb(u)::text FROM public.users u");

        Assert.Contains("ann@example.com", copied, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", copied, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(ProfileShape.Labels), MemberType = typeof(ProfileShape))]
    public async Task Every_column_that_can_be_used_says_so(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));

        Assert.Empty(await scene.Database.QueryAsync<string>("SELECT problem FROM linkage.profile_columns() WHERE problem IS NOT NULL"));
        Assert.Equal(
            [scene.Shape.Key], await scene.Database.QueryAsync<string>("SELECT profile_column FROM linkage.profile_columns() WHERE is_key"));
    }

    [Fact]
    public async Task What_is_mapped_goes_before_what_is_found_until_it_is_unmapped()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await MapAsync(scene, "name", ["raw_user_meta_data.nick", "email"], "nobody");
        await MapAsync(scene, "avatar_url", [], null);
        async Task<string?> SignUpAsync(Account account)
        {
            await scene.SignUpAsync(account);
            return await scene.Database.ScalarAsync<string>(
                "SELECT concat_ws(' ', name, avatar_url) FROM users WHERE id = @Id::uuid", new { account.Id });
        }

        Assert.Equal("Nick", await SignUpAsync(scene.NewAccount() with { Metadata = """{"nick": "Nick", "full_name": "Full", "picture": "p"}""" }));
        Assert.Equal("a@b.c", await SignUpAsync(scene.NewAccount() with { Email = "a@b.c", Metadata = """{"nick": ""}""" }));
        Assert.Equal("nobody", await SignUpAsync(scene.NewAccount() with { Email = null }));
        Assert.True(await scene.Database.ScalarAsync<bool>("SELECT linkage.unmap_profile_column('name')"));
        Assert.False(await scene.Database.ScalarAsync<bool>("SELECT linkage.unmap_profile_column('name')"));
        Assert.Equal("Full", await SignUpAsync(scene.NewAccount() with { Metadata = """{"nick": "Nick", "full_name": "Full", "picture": "p"}""" }));
        Assert.Equal(
            ["avatar_url"], await scene.Database.QueryAsync<string>("SELECT profile_column FROM linkage.profile_columns() WHERE is_mapped"));
    }

    [Fact]
    public async Task Trigger_and_repair_take_the_same_values()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE users
              ADD COLUMN age integer, ADD COLUMN tags jsonb, ADD COLUMN born date, ADD COLUMN is_beta boolean, ADD COLUMN provider text,
              ADD COLUMN langs text[], ADD COLUMN city varchar(20);
            """);
        foreach (var (column, source) in new[]
        {
            ("age", "raw_user_meta_data.age"), ("tags", "raw_user_meta_data.tags"), ("born", "raw_user_meta_data.born"),
            ("is_beta", "raw_user_meta_data.beta"), ("provider", "raw_app_meta_data.provider"), ("langs", "raw_user_meta_data.langs"),
            ("city", "raw_user_meta_data.address.city"),
        })
            await MapAsync(scene, column, [source], null);
        var account = scene.NewAccount() with
        {
            Metadata = """
            {"age": 42, "tags": {"a": [1, null]}, "born": "1980-02-29", "beta": true, "langs": "{en,de}", "address": {"city": "Oslo"}}
            """,
        };
        const string Values = "SELECT concat_ws('|', age, tags, born, is_beta, provider, langs, city) FROM users";
        await scene.SignUpAsync(account);
        Assert.Equal("42|{\"a\": [1, null]}|1980-02-29|t|email|{en,de}|Oslo", await scene.Database.ScalarAsync<string>(Values));
        var byTrigger = await scene.RowsAsync();

        await scene.Database.ExecuteAsync("DELETE FROM users");
        await scene.RepairAsync();

        Assert.Equal(byTrigger, await scene.RowsAsync());
    }

    [Fact]
    public async Task Metadata_that_is_no_value_of_the_column_is_none()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN age integer");
        await MapAsync(scene, "age", ["raw_user_meta_data.age"], "7");

        await scene.SignUpAsync(scene.NewAccount() with { Metadata = """{"age": "'); DROP TABLE users; --"}""" });
        await scene.SignUpAsync(scene.NewAccount() with { Metadata = """{"age": "99999999999999"}""" });

        Assert.Equal([7, 7], await scene.Database.QueryAsync<int>("SELECT age FROM users"));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task A_column_that_must_not_be_null_gets_its_default_where_the_account_has_no_value()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION made_up() RETURNS text LANGUAGE sql AS $$ SELECT 'made up' $$;
            CREATE SEQUENCE numbers;
            ALTER TABLE users ALTER phone SET DEFAULT '', ALTER phone SET NOT NULL, ALTER name SET DEFAULT made_up(),
              ADD COLUMN number integer NOT NULL DEFAULT nextval('numbers');
            """);
        await LinkedDatabase.InstallAsync(scene.Database.Engine);
        const string Insert = "INSERT INTO auth.users (id) VALUES (gen_random_uuid())";
        const string Values = "SELECT concat_ws('|', name, phone, email, email_verified::text, created_at > now() - interval '1 hour') FROM users";

        await scene.Database.ExecuteAsync(Insert);
        await scene.Database.ExecuteAsync($"SET session_replication_role = replica; {Insert}; RESET session_replication_role");
        Assert.True(Assert.Single(await scene.FindGhostsAsync()).Repairable);
        Assert.Equal(1, (await scene.RepairAsync(options: new() { Mode = Linkage.Engine.Runs.RunMode.Preview })).Count("repaired"));
        Assert.Equal(1, (await scene.RepairAsync()).Count("repaired"));

        Assert.Equal(["made up||false|t", "made up||false|t"], await scene.Database.QueryAsync<string>(Values));
        Assert.Equal(2, await scene.Database.ScalarAsync<long>("SELECT nextval('numbers') - 1"));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task Types_of_the_application_can_be_mapped_whatever_the_path_of_the_session()
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Demanding);
        await MapAsync(scene, "status", ["raw_user_meta_data.status"], "blocked");

        await scene.SignUpAsync(scene.NewAccount() with { Metadata = """{"status": "active"}""" });
        await scene.SignUpAsync(scene.NewAccount() with { Metadata = """{"status": "evil"}""" });

        Assert.Equal(["active", "blocked"], await scene.Database.QueryAsync<string>("SELECT status::text FROM users ORDER BY created_at"));
        Assert.Equal(CheckStatus.Healthy, (await scene.ChecksAsync())["UserSyncTrigger"].Status);
        await scene.Database.ExecuteAsync("SET search_path = pg_catalog");
        Assert.Equal("healthy", await scene.Database.ScalarAsync<string>("SELECT min(overall) FROM linkage.user_sync_checks()"));
    }

    [Fact]
    public async Task A_table_that_changed_is_named_by_the_checks_and_followed_by_the_next_install()
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Minimal);
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN phone text, ADD COLUMN name text");
        Assert.Equal(CheckStatus.Critical, (await scene.ChecksAsync())["UserSyncTrigger"].Status);

        await LinkedDatabase.InstallAsync(scene.Database.Engine);

        Assert.Equal(CheckStatus.Healthy, (await scene.ChecksAsync())["UserSyncTrigger"].Status);
        Assert.DoesNotContain(await LinkedDatabase.InstallAsync(scene.Database.Engine), step => step.IsNeeded);
        await scene.SignUpAsync(scene.NewAccount() with { Phone = "12125550123", Metadata = """{"name": "Ann"}""" });
        Assert.Equal("+12125550123 Ann", await scene.Database.ScalarAsync<string>("SELECT concat_ws(' ', phone, name) FROM users"));
    }

    [Theory]
    [InlineData("nothing", "email", null)]
    [InlineData("name", "nothing", null)]
    [InlineData("name", "email.domain", null)]
    [InlineData("id", "email", null)]
    [InlineData("created_at", "email", null)]
    [InlineData("created_at", null, "yesterday's news")]
    [InlineData("name; DROP TABLE users", "email", null)]
    [InlineData("name", "email'; DROP TABLE users; --", null)]
    [InlineData("name", "", null)]
    public async Task What_cannot_be_mapped_is_refused_and_changes_nothing(string column, string? source, string? fallback)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var before = await scene.Database.QueryAsync<string>("SELECT c::text FROM linkage.profile_columns() c");

        var refused = await Assert.ThrowsAsync<PostgresException>(() => MapAsync(scene, column, source is null ? [] : [source], fallback));

        Assert.Equal("LK030", refused.SqlState);
        Assert.Equal(before, await scene.Database.QueryAsync<string>("SELECT c::text FROM linkage.profile_columns() c"));
    }

    [Fact]
    public async Task A_mapped_column_that_is_gone_is_named_by_the_checks_and_fails_no_sign_up()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN city text");
        await MapAsync(scene, "city", ["raw_user_meta_data.city"], null);
        await scene.Database.ExecuteAsync("ALTER TABLE users DROP COLUMN city");

        var account = await scene.SignUpAsync();

        Assert.NotNull(Assert.Single(await scene.Database.QueryAsync<string?>(
            "SELECT problem FROM linkage.profile_columns() WHERE profile_column = 'city'")));
        Assert.Equal(CheckStatus.Critical, (await scene.ChecksAsync())["UserSyncTrigger"].Status);
        await scene.AssertGhostAsync(account);
        await scene.Database.ExecuteAsync("SELECT linkage.unmap_profile_column('city')");
        Assert.Equal(1, (await scene.RepairAsync()).Count("repaired"));
        await scene.SignUpAsync();
        Assert.Equal(2, (await scene.RowsAsync()).Count);
    }

    [Fact]
    public async Task A_mapping_is_no_drift_and_outlasts_an_upgrade()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await MapAsync(scene, "name", ["email"], null);

        Assert.DoesNotContain(await LinkedDatabase.InstallAsync(scene.Database.Engine), step => step.IsNeeded);
        await scene.Database.ExecuteAsync("UPDATE linkage.migration SET checksum = 'of an earlier version'");
        await LinkedDatabase.InstallAsync(scene.Database.Engine);

        var account = await scene.SignUpAsync();
        Assert.Equal(account.Email, await scene.Database.ScalarAsync<string>("SELECT name FROM users"));
    }

    private static Task<int> MapAsync(UserSyncScene scene, string column, string[] sources, string? fallback) =>
        scene.Database.ExecuteAsync("SELECT linkage.map_profile_column(@column, @sources, @fallback)", new { column, sources, fallback });
}
