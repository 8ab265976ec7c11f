using Dapper;
using Linkage.Engine.Checks;
using Linkage.Engine.Tests.UserLinks;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>Whatever fails in making a profile, the sign-up goes through; the failure is quarantined, listed and checked, and can be repaired.</summary>
public sealed class SignUpFaultTests
{
    private const string Refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ";

    [Theory]
    [InlineData("23502", "ALTER TABLE users ADD COLUMN tenant text NOT NULL")]
    [InlineData("23505", "INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')")]
    [InlineData("23505", "CREATE UNIQUE INDEX ON users (left(email, 2)); INSERT INTO users (name, email) VALUES ('Somebody', 'tax@example.com')")]
    [InlineData("23505", "ALTER TABLE users DROP CONSTRAINT users_email_key, ADD UNIQUE (email) DEFERRABLE INITIALLY DEFERRED; INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')")]
    [InlineData("23P01", "ALTER TABLE users DROP CONSTRAINT users_email_key, ADD EXCLUDE (email WITH =) DEFERRABLE INITIALLY DEFERRED; INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')")]
    [InlineData("23514", "ALTER TABLE users ADD CHECK (email <> 'taken@example.com')")]
    [InlineData("42703", "ALTER TABLE users DROP COLUMN phone")]
    [InlineData("42703", "ALTER TABLE users RENAME COLUMN email TO mail")]
    [InlineData("42P01", "ALTER TABLE users RENAME TO people")]
    [InlineData("42P01", "DROP TABLE users")]
    [InlineData("22001", "ALTER TABLE users ALTER COLUMN name TYPE varchar(1)")]
    [InlineData("23503", "CREATE TABLE teams (name text PRIMARY KEY); ALTER TABLE users ADD COLUMN team text REFERENCES teams DEFAULT 'none'")]
    [InlineData("23503", "CREATE TABLE teams (name text PRIMARY KEY); ALTER TABLE users ADD COLUMN team text REFERENCES teams DEFERRABLE INITIALLY DEFERRED DEFAULT 'none'")]
    [InlineData("P0001", Refuse + "RAISE 'no'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData("P0001", Refuse + "RAISE 'no'; END $$; CREATE TRIGGER refuse AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION refuse()")]
    [InlineData("P0001", Refuse + "RAISE 'no'; END $$; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData("P0004", Refuse + "ASSERT false, 'no'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData("22012", Refuse + "RETURN 1 / 0; END $$; CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData(null, Refuse + "RETURN NULL; END $$; CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData(null, "CREATE RULE refuse AS ON INSERT TO users DO INSTEAD NOTHING")]
    public async Task The_sign_up_goes_through_and_the_fault_is_told_everywhere(string? sqlState, string fault)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(fault);

        var account = await scene.SignUpAsync(scene.NewAccount() with { Email = "taken@example.com", Phone = "12125550123" });

        await AssertQuarantinedAsync(scene, account, sqlState);
    }

    [Fact]
    public async Task An_owner_without_a_grant_fails_no_sign_up()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var owner = await PoorOwnerAsync(scene, "GRANT ALL ON linkage.user_sync_fault");

        var account = await scene.SignUpAsync();

        await AssertQuarantinedAsync(scene, account, "42501");
        await Roles.DropAsync(scene.Database, owner);
    }

    [Theory]
    [InlineData("ALTER TABLE linkage.user_sync_fault RENAME TO kept")]
    [InlineData("ALTER TABLE linkage.user_sync_fault ADD COLUMN demanded integer NOT NULL")]
    [InlineData("ALTER TABLE linkage.user_sync_fault ADD CHECK (operation <> 'create')")]
    [InlineData("DROP SCHEMA linkage CASCADE")]
    public async Task A_fault_that_cannot_even_be_quarantined_fails_no_sign_up_and_the_server_warns(string fault)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN tenant text NOT NULL");
        await scene.Database.ExecuteAsync(fault);
        var warnings = TriggerFaultTests.Warnings(scene.Database.Connection);

        await scene.SignUpAsync();

        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM auth.users"));
        if (!fault.StartsWith("DROP SCHEMA", StringComparison.Ordinal))
            Assert.NotEmpty(warnings);
    }

    [Fact]
    public async Task A_table_that_another_session_holds_is_not_waited_for()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await using var other = await scene.Database.OpenAsync();
        await using var holding = await other.BeginTransactionAsync();
        await other.ExecuteAsync("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");

        var account = await scene.SignUpAsync();

        Assert.Equal("55P03", Assert.Single(await scene.FaultsAsync()).SqlState);
        await holding.RollbackAsync();
        await AssertQuarantinedAsync(scene, account, "55P03");
        Assert.Equal(1, (await scene.RepairAsync()).Count("repaired"));
    }

    [Fact]
    public async Task An_email_that_is_being_taken_by_another_session_is_not_waited_for()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await using var other = await scene.Database.OpenAsync();
        await using var holding = await other.BeginTransactionAsync();
        await other.ExecuteAsync("INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')");

        var account = await scene.SignUpAsync(scene.NewAccount() with { Email = "taken@example.com" });
        await holding.RollbackAsync();

        await AssertQuarantinedAsync(scene, account, "55P03");
    }

    [Fact]
    public async Task The_callers_own_settings_are_what_they_were()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await using var application = await scene.Database.OpenAsync();
        await application.ExecuteAsync("SET lock_timeout = '7s'; SET search_path = auth");
        await using var transaction = await application.BeginTransactionAsync();

        await scene.SignUpAsync(scene.NewAccount(), application);
        await scene.SignUpAsync(scene.NewAccount() with { Email = null }, application);

        Assert.Equal(
            "7s auth on",
            await application.ExecuteScalarAsync<string>(
                "SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('search_path'), current_setting('row_security'))"));
    }

    [Fact]
    public async Task Constraints_that_the_caller_left_for_the_end_stay_so()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            "CREATE TABLE auth.identities (user_id uuid REFERENCES auth.users (id) DEFERRABLE INITIALLY DEFERRED)");
        await using var application = await scene.Database.OpenAsync();
        await using var transaction = await application.BeginTransactionAsync();
        var later = scene.NewAccount();

        await application.ExecuteAsync("INSERT INTO auth.identities VALUES (@Id::uuid)", new { later.Id });
        await scene.SignUpAsync(scene.NewAccount(), application);
        await scene.SignUpAsync(later, application);
        await transaction.CommitAsync();

        Assert.Equal(2, (await scene.ProfilesAsync()).Count);
        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM auth.identities"));
    }

    [Fact]
    public async Task Policies_that_bind_even_the_owner_fail_no_sign_up()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var owner = await PoorOwnerAsync(scene, "GRANT ALL ON linkage.user_sync_fault");
        await scene.Database.ExecuteAsync(
            $"""
            ALTER TABLE users OWNER TO "{owner}";
            ALTER TABLE users ENABLE ROW LEVEL SECURITY;
            """);
        var before = await scene.SignUpAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users FORCE ROW LEVEL SECURITY");

        var account = await scene.SignUpAsync();

        Assert.Contains(before.Id, await scene.ProfilesAsync());
        await AssertQuarantinedAsync(scene, account, "42501");
        await Roles.DropAsync(scene.Database, owner);
    }

    [Fact]
    public async Task One_that_fails_among_many_in_a_statement_leaves_the_others_whole()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD CHECK (email NOT LIKE '7%')");

        await scene.Database.ExecuteAsync(
            """
            INSERT INTO auth.users (id, email, raw_user_meta_data, created_at, updated_at)
            SELECT gen_random_uuid(), i || '@example.com', '{}', now(), now() FROM generate_series(1, 20) AS i
            """);

        Assert.Equal(19, (await scene.RowsAsync()).Count);
        Assert.Equal("23514", Assert.Single(await scene.FaultsAsync()).SqlState);
        Assert.Equal("7@example.com", Assert.Single(await scene.FindGhostsAsync()).Email);
    }

    [Fact]
    public async Task Of_two_accounts_with_one_email_the_second_is_quarantined()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var first = await scene.SignUpAsync(scene.NewAccount() with { Email = "shared@example.com" });
        var second = await scene.SignUpAsync(scene.NewAccount() with { Email = "shared@example.com", IsSso = true });

        await scene.AssertProfilesAsync(first);
        await AssertQuarantinedAsync(scene, second, "23505");
    }

    [Fact]
    public async Task A_fault_is_forgotten_with_its_cause()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN tenant text NOT NULL");
        var byRepair = await scene.SignUpAsync();
        var byHand = await scene.SignUpAsync();
        var deleted = await scene.SignUpAsync();
        Assert.Equal(3, (await scene.FaultsAsync()).Count);
        await scene.Database.ExecuteAsync("ALTER TABLE users DROP COLUMN tenant");

        await scene.RepairAsync([byRepair]);
        await scene.Database.ExecuteAsync("INSERT INTO users (id, name) VALUES (@Id::uuid, 'By hand')", new { byHand.Id });
        await scene.Database.ExecuteAsync("DELETE FROM auth.users WHERE id = @Id::uuid", new { deleted.Id });

        Assert.Equal(0, (await scene.StatisticsAsync()).OpenFaults);
        Assert.Equal(CheckStatus.Healthy, (await scene.ChecksAsync())["UserSyncTrigger"].Status);
    }

    /// <summary>The account stands, has no profile, and quarantine, listing and checks say so.</summary>
    private static async Task AssertQuarantinedAsync(UserSyncScene scene, Account account, string? sqlState)
    {
        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM auth.users WHERE id = @Id::uuid", new { account.Id }));
        var fault = Assert.Single(await scene.FaultsAsync());
        Assert.Equal((account.Id, "create", 1), (fault.AccountId, fault.Operation, fault.Attempts));
        if (sqlState is not null)
            Assert.Equal(sqlState, fault.SqlState);
        Assert.NotEqual("", fault.Message);
        if (!await scene.Database.ScalarAsync<bool>("SELECT to_regclass(@Profiles) IS NOT NULL", new { scene.Profiles }))
            return;
        await scene.AssertGhostAsync(account);
        var checks = await scene.ChecksAsync();
        Assert.Equal((CheckStatus.Critical, 1), (checks["GhostUsers"].Status, checks["GhostUsers"].Value));
        Assert.Equal(CheckStatus.Critical, checks["UserSyncTrigger"].Status);
        Assert.All(checks.Values, check => Assert.Equal("critical", check.Overall));
    }

    /// <summary>Gives the trigger function to a role that has no more rights than it is granted here.</summary>
    private static async Task<string> PoorOwnerAsync(UserSyncScene scene, string grants)
    {
        var role = await Roles.CreateAsync(scene.Database, "poor");
        await scene.Database.ExecuteAsync(
            $"""
            GRANT USAGE ON SCHEMA linkage, public, auth TO "{role}";
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA linkage TO "{role}";
            GRANT SELECT ON ALL TABLES IN SCHEMA linkage TO "{role}";
            {grants} TO "{role}";
            ALTER FUNCTION public.handle_new_user() OWNER TO "{role}";
            """);
        return role;
    }
}
