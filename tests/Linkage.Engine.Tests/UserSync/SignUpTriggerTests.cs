using Dapper;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>Whoever signs up has a profile at once, whatever kind of account it is.</summary>
public sealed class SignUpTriggerTests
{
    private static readonly (string Name, string Arguments, string Result)[] _evilFunctions =
    [
        ("normalize_phone", "text", "text"), ("lower", "text", "text"), ("now", "", "timestamptz"), ("clock_timestamp", "", "timestamptz"),
        ("format", "text", "text"), ("split_part", "text, text, integer", "text"), ("ltrim", "text, text", "text"),
        ("jsonb_typeof", "jsonb", "text"), ("current_setting", "text", "text"), ("note_user_sync_fault", "uuid, text, text, text", "text"),
    ];

    private static readonly DateTime _confirmed = new(2024, 5, 6, 7, 8, 9, DateTimeKind.Utc);

    public static TheoryData<string> Shapes => ProfileShape.Labels;

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Every_kind_of_account_gets_its_profile(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        Account[] accounts =
        [
            scene.NewAccount(),
            scene.NewAccount() with { EmailConfirmedAt = _confirmed },
            scene.NewAccount() with { Phone = "12125550123" },
            scene.NewAccount() with { Phone = "12125550124", PhoneConfirmedAt = _confirmed },
            scene.NewAccount() with { IsSso = true },
            scene.NewAccount() with { Metadata = """{"full_name": "Ann", "name": "A.", "user_name": "ann", "picture": "https://example.com/p", "order": "3"}""" },
            scene.NewAccount() with { Metadata = """{"full_name": "", "name": "Bob", "avatar_url": null, "tenant": "other"}""" },
            scene.NewAccount() with { Metadata = null },
            scene.NewAccount() with { Metadata = "[]" },
            scene.NewAccount() with { Metadata = "\"text\"" },
        ];

        foreach (var account in accounts)
            await scene.SignUpAsync(account);

        await scene.AssertProfilesAsync(accounts);
        Assert.Empty(await scene.FaultsAsync());
        Assert.Empty(await scene.FindGhostsAsync());
    }

    [Fact]
    public async Task A_phone_alone_is_enough()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        Account[] accounts =
        [
            scene.NewAccount() with { Email = null, Phone = "12125550123", PhoneConfirmedAt = _confirmed },
            scene.NewAccount() with { Email = "", Phone = "390612345678" },
            scene.NewAccount() with { Email = null, Phone = "123" },
        ];

        foreach (var account in accounts)
            await scene.SignUpAsync(account);

        await scene.AssertProfilesAsync(accounts);
        Assert.Equal(
            ["+12125550123", "+390612345678", "123"],
            await scene.Database.QueryAsync<string>("SELECT phone FROM users ORDER BY created_at"));
    }

    [Fact]
    public async Task An_empty_email_is_none_so_that_it_conflicts_with_no_other()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.SignUpAsync(scene.NewAccount() with { Email = "", Phone = "12125550123", IsSso = true });
        await scene.SignUpAsync(scene.NewAccount() with { Email = "", Phone = "12125550124", IsSso = true });

        Assert.Equal(2, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM users WHERE email IS NULL"));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task An_anonymous_account_gets_none_and_is_no_fault(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));

        await scene.SignUpAsync(scene.NewAccount() with { Email = null, IsAnonymous = true });

        Assert.Empty(await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
        Assert.Empty(await scene.FindGhostsAsync());
        Assert.All((await scene.ChecksAsync()).Values, check => Assert.Equal((CheckStatus.Healthy, "healthy"), (check.Status, check.Overall)));
    }

    [Fact]
    public async Task An_account_that_comes_in_deleted_gets_none()
    {
        await using var scene = await UserSyncScene.CreateAsync();

        await scene.SignUpAsync(scene.NewAccount() with { DeletedAt = _confirmed });

        Assert.Empty(await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Many_in_one_statement_get_theirs(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO auth.users (id, email, raw_user_meta_data, created_at, updated_at)
            SELECT gen_random_uuid(), i || '@example.com', '{"user_name": null}', now(), now() FROM generate_series(1, 200) AS i
            """);

        Assert.Equal(200, (await scene.ProfilesAsync()).Count);
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task A_sign_up_that_is_rolled_back_leaves_no_profile_and_no_fault()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')");
        await using (var application = await scene.Database.OpenAsync())
        {
            await using var transaction = await application.BeginTransactionAsync();
            await scene.SignUpAsync(scene.NewAccount(), application);
            await scene.SignUpAsync(scene.NewAccount() with { Email = "taken@example.com" }, application);
        }

        Assert.Single(await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task A_profile_that_the_application_made_first_stays_as_it_is()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var account = scene.NewAccount();
        await scene.Database.ExecuteAsync("INSERT INTO users (id, name, email) VALUES (@Id::uuid, 'By hand', 'hand@example.com')", new { account.Id });
        var before = await scene.RowsAsync();

        await scene.SignUpAsync(account);

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
        Assert.Empty(await scene.FindGhostsAsync());
    }

    [Theory]
    [InlineData("a_first")]
    [InlineData("z_last")]
    public async Task An_application_that_makes_profiles_itself_goes_on_doing_so(string trigger)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.KeyedOtherwise);
        await scene.Database.ExecuteAsync(
            $"""
            CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO public.users (auth_id, full_name) VALUES (NEW.id, 'own') ON CONFLICT (auth_id) DO UPDATE SET full_name = 'own';
              RETURN NULL;
            END $$;
            CREATE TRIGGER {trigger} AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION own();
            """);

        await scene.SignUpAsync();

        Assert.Equal("own", await scene.Database.ScalarAsync<string>("SELECT string_agg(full_name, ',') FROM users"));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task An_application_that_writes_the_account_when_its_profile_is_made_is_no_loop()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.EnableUpdateTriggerAsync();
        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE auth.users SET email = 'marked-' || email WHERE id = NEW.id; RETURN NULL; END $$;
            CREATE TRIGGER mark AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION mark();
            """);

        var account = await scene.SignUpAsync();

        Assert.Equal($"marked-{account.Email}", await scene.Database.ScalarAsync<string>("SELECT email FROM users"));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_hostile_schema_on_the_callers_path_is_not_looked_at(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        var (role, application) = await ServerRoleAsync(scene);
        var functions = _evilFunctions.Select(f =>
            $"CREATE FUNCTION evil.{f.Name}({f.Arguments}) RETURNS {f.Result} LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('{f.Name}'); RETURN NULL; END $$;");
        await scene.Database.ExecuteAsync(
            $"""
            CREATE SCHEMA evil AUTHORIZATION "{role}";
            SET ROLE "{role}";
            CREATE TABLE evil.touched (by text);
            CREATE FUNCTION evil.touch(by text) RETURNS void LANGUAGE sql AS $$ INSERT INTO evil.touched VALUES (by) $$;
            {string.Concat(functions)}
            CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('='); RETURN true; END $$;
            CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
            CREATE FUNCTION evil.field(jsonb, text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('#>>'); RETURN 'evil'; END $$;
            CREATE OPERATOR evil.#>> (LEFTARG = jsonb, RIGHTARG = text[], FUNCTION = evil.field);
            CREATE FUNCTION evil.joined(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('||'); RETURN 'evil'; END $$;
            CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.joined);
            CREATE TABLE evil.users (LIKE auth.users); CREATE TABLE evil.profiles (id uuid); CREATE TABLE evil.user_sync_fault (account_id uuid);
            RESET ROLE;
            """);
        await application.ExecuteAsync(
            "SET search_path = evil, pg_catalog; CREATE TEMP TABLE users (id uuid); CREATE TEMP TABLE profiles (id uuid); CREATE TEMP TABLE user_sync_fault (id uuid)");

        var account = await scene.SignUpAsync(
            scene.NewAccount() with { Phone = "12125550123", Metadata = """{"full_name": "Ann", "user_name": "ann"}""" }, application);
        await application.DisposeAsync();

        await scene.AssertProfilesAsync(account);
        Assert.Empty(await scene.Database.QueryAsync<string>("SELECT by FROM evil.touched"));
        await Roles.DropAsync(scene.Database, role);
    }

    [Fact]
    public async Task The_authentication_server_needs_no_right_to_profiles()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var (role, application) = await ServerRoleAsync(scene);

        var account = await scene.SignUpAsync(scene.NewAccount(), application);
        await scene.Database.ExecuteAsync("INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')");
        var quarantined = await scene.SignUpAsync(scene.NewAccount() with { Email = "taken@example.com" }, application);
        await application.DisposeAsync();

        Assert.Contains(account.Id, await scene.ProfilesAsync());
        Assert.Equal(quarantined.Id, Assert.Single(await scene.FaultsAsync()).AccountId);
        await Roles.DropAsync(scene.Database, role);
    }

    [Fact]
    public async Task Nobody_but_the_trigger_can_call_the_function()
    {
        await using var scene = await UserSyncScene.CreateAsync();

        Assert.False(await scene.Database.ScalarAsync<bool>("SELECT has_function_privilege('public', 'public.handle_new_user()', 'EXECUTE')"));
        Assert.False(await scene.Database.ScalarAsync<bool>("SELECT has_function_privilege('public', 'public.handle_user_update()', 'EXECUTE')"));
    }

    [Fact]
    public async Task Hostile_strings_are_data()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        string[] texts = ["'); DROP TABLE users; --", "$1", "%s%I", "\\", "\"", "$$", "\u202E", "\U0001F468", "{}", "NULL", "\n"];
        List<Account> accounts = [];
        foreach (var text in texts)
        {
            accounts.Add(await scene.SignUpAsync(scene.NewAccount() with
            {
                Email = text + "@example.com",
                Metadata = System.Text.Json.JsonSerializer.Serialize(new { full_name = text, picture = text }),
            }));
        }

        await scene.AssertProfilesAsync(accounts);
    }

    /// <summary>A role that owns the accounts and may do nothing else, and a session of it.</summary>
    private static async Task<(string Role, Npgsql.NpgsqlConnection Session)> ServerRoleAsync(UserSyncScene scene)
    {
        var role = await Roles.CreateAsync(scene.Database, "server");
        await scene.Database.ExecuteAsync(
            $"GRANT USAGE ON SCHEMA auth TO \"{role}\"; ALTER TABLE auth.users OWNER TO \"{role}\"");
        var session = new Npgsql.NpgsqlConnection(Roles.ConnectionString(scene.Database, role) + ";Pooling=false");
        await session.OpenAsync();
        return (role, session);
    }
}
