using Dapper;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>The optional trigger: profiles follow their accounts, as far as the application left them alone.</summary>
public sealed class AccountUpdateTriggerTests
{
    private const string SoftDelete =
        """
        UPDATE auth.users
        SET email = encode(sha256(email::bytea), 'hex'), phone = left(encode(sha256(phone::bytea), 'hex'), 15), deleted_at = now(),
            encrypted_password = '', raw_user_meta_data = '{}', raw_app_meta_data = '{}', updated_at = now()
        """;

    [Fact]
    public async Task Nothing_follows_until_it_is_enabled()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var account = await scene.SignUpAsync();

        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'new@example.com'");

        Assert.Equal(account.Email, await scene.Database.ScalarAsync<string>("SELECT email FROM users"));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task Email_phone_and_verification_follow()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync();
        await scene.SignUpAsync();

        await scene.Database.ExecuteAsync(
            """
            UPDATE auth.users
            SET email = 'new-' || email, phone = CASE WHEN email LIKE 'user1@%' THEN '12125550123' END, email_confirmed_at = now()
            """);

        Assert.Equal(
            ["new-user1@example.com +12125550123 true", "new-user2@example.com true"],
            await StateAsync(scene));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Theory]
    [InlineData("minimal")]
    [InlineData("a key of its own, the account in another column")]
    public async Task They_follow_in_other_shapes(string label)
    {
        await using var scene = await EnabledAsync(ProfileShape.Named(label));
        var account = await scene.SignUpAsync(scene.NewAccount() with { Phone = "12125550123" });

        await scene.Database.ExecuteAsync(
            "UPDATE auth.users SET email = 'new@example.com', phone = '12125550124', phone_confirmed_at = '2024-03-03T00:00:00Z'");

        await scene.AssertProfilesAsync(account with
        {
            Email = "new@example.com",
            Phone = "12125550124",
            PhoneConfirmedAt = new DateTime(2024, 3, 3, 0, 0, 0, DateTimeKind.Utc),
        });
    }

    [Fact]
    public async Task What_the_application_changed_itself_stays()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync(scene.NewAccount() with { Phone = "12125550123" });
        await scene.Database.ExecuteAsync("UPDATE users SET email = 'own@example.com'");

        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'new@example.com', phone = '12125550124'");

        Assert.Equal(["own@example.com +12125550124 false"], await StateAsync(scene));
    }

    [Fact]
    public async Task What_the_profile_lacks_is_filled_in()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync();
        await scene.Database.ExecuteAsync("UPDATE users SET email = NULL");

        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'new@example.com'");

        Assert.Equal(["new@example.com false"], await StateAsync(scene));
    }

    [Fact]
    public async Task A_phone_that_is_taken_away_goes_from_the_profile_too()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync(scene.NewAccount() with { Phone = "12125550123" });

        await scene.Database.ExecuteAsync("UPDATE auth.users SET phone = NULL");

        Assert.Equal(["user1@example.com false"], await StateAsync(scene));
    }

    [Theory]
    [InlineData("last_sign_in_at = now(), updated_at = now()")]
    [InlineData("encrypted_password = 'other'")]
    [InlineData("raw_user_meta_data = '{\"full_name\": \"Other\"}'")]
    [InlineData("email = email")]
    public async Task What_concerns_no_profile_writes_none(string change)
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync();
        var before = await scene.Database.QueryAsync<string>("SELECT t.xmin || ' ' || t FROM users t");

        await scene.Database.ExecuteAsync($"UPDATE auth.users SET {change}");

        Assert.Equal(before, await scene.Database.QueryAsync<string>("SELECT t.xmin || ' ' || t FROM users t"));
    }

    [Fact]
    public async Task A_soft_deletion_leaves_the_profile_and_copies_no_hashes()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync(scene.NewAccount() with { Phone = "12125550123", EmailConfirmedAt = DateTime.UtcNow });
        var before = await scene.RowsAsync();

        await scene.Database.ExecuteAsync(SoftDelete);
        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'another hash', phone = 'another'");

        Assert.Equal(before, await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
        Assert.Empty(await scene.FindGhostsAsync());
        Assert.Empty(await scene.FindOrphansAsync());
        Assert.All((await scene.ChecksAsync()).Values, check => Assert.Equal(CheckStatus.Healthy, check.Status));
    }

    [Fact]
    public async Task A_restored_account_is_in_step_again()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync(scene.NewAccount() with { Phone = "12125550123" });
        await scene.Database.ExecuteAsync(SoftDelete);

        await scene.Database.ExecuteAsync("UPDATE auth.users SET deleted_at = NULL, email = 'user1@example.com', phone = '12125550123'");

        Assert.Equal(["user1@example.com +12125550123 false"], await StateAsync(scene));
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task A_restored_account_without_a_profile_gets_one()
    {
        await using var scene = await EnabledAsync();
        var account = await scene.GhostAsync(scene.NewAccount() with { DeletedAt = DateTime.UtcNow });

        await scene.Database.ExecuteAsync("UPDATE auth.users SET deleted_at = NULL");

        await scene.AssertProfilesAsync(account);
    }

    [Theory]
    [MemberData(nameof(ProfileShape.Labels), MemberType = typeof(ProfileShape))]
    public async Task An_anonymous_account_that_becomes_a_real_one_gets_its_profile(string label)
    {
        await using var scene = await EnabledAsync(ProfileShape.Named(label));
        var account = await scene.SignUpAsync(scene.NewAccount() with { Email = null, IsAnonymous = true });

        await scene.Database.ExecuteAsync("UPDATE auth.users SET is_anonymous = false, email = 'real@example.com'");

        await scene.AssertProfilesAsync(account with { Email = "real@example.com" });
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task Without_the_trigger_a_converted_account_is_a_ghost_that_is_repaired()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var account = await scene.SignUpAsync(scene.NewAccount() with { Email = null, IsAnonymous = true });

        await scene.Database.ExecuteAsync("UPDATE auth.users SET is_anonymous = false, email = 'real@example.com'");

        Assert.True((await scene.AssertGhostAsync(account with { Email = "real@example.com" })).Repairable);
        Assert.Equal(1, (await scene.RepairAsync()).Count("repaired"));
    }

    [Theory]
    [InlineData("23505", "INSERT INTO users (name, email) VALUES ('Somebody', 'new@example.com')")]
    [InlineData("23514", "ALTER TABLE users ADD CHECK (email <> 'new@example.com')")]
    [InlineData("42703", "ALTER TABLE users DROP COLUMN phone")]
    [InlineData("42P01", "ALTER TABLE users RENAME TO people")]
    [InlineData("23505", "ALTER TABLE users DROP CONSTRAINT users_email_key, ADD UNIQUE (email) DEFERRABLE INITIALLY DEFERRED; INSERT INTO users (name, email) VALUES ('Somebody', 'new@example.com')")]
    [InlineData("P0004", "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT false; END $$; CREATE TRIGGER refuse BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    public async Task A_fault_fails_no_write_of_the_account_and_is_quarantined(string sqlState, string fault)
    {
        await using var scene = await EnabledAsync();
        var account = await scene.SignUpAsync();
        await scene.Database.ExecuteAsync(fault);

        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'new@example.com', phone = '12125550123'");

        Assert.Equal("new@example.com", await scene.Database.ScalarAsync<string>("SELECT email FROM auth.users"));
        var quarantined = Assert.Single(await scene.FaultsAsync());
        Assert.Equal((account.Id, "update", sqlState), (quarantined.AccountId, quarantined.Operation, quarantined.SqlState));
    }

    [Fact]
    public async Task A_profile_that_another_session_holds_is_not_waited_for()
    {
        await using var scene = await EnabledAsync();
        await scene.SignUpAsync();
        await using var other = await scene.Database.OpenAsync();
        await using var holding = await other.BeginTransactionAsync();
        await other.ExecuteAsync("UPDATE users SET name = 'Held'");

        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'new@example.com'");

        Assert.Equal("55P03", Assert.Single(await scene.FaultsAsync()).SqlState);
    }

    [Fact]
    public async Task Faults_of_one_account_are_counted_and_forgotten_when_the_profile_is_in_step_again()
    {
        await using var scene = await EnabledAsync();
        var account = await scene.SignUpAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD CHECK (email NOT LIKE 'new%'), ADD CHECK (phone IS NULL)");
        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'new@example.com'");
        await scene.Database.ExecuteAsync("UPDATE auth.users SET phone = '12125550123'");
        Assert.Equal(2, Assert.Single(await scene.FaultsAsync()).Attempts);

        // The profile keeps what it had, since nobody knows any more whose that is.
        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = 'other@example.com', phone = NULL");
        Assert.Equal([$"{account.Email} false"], await StateAsync(scene));
        Assert.Single(await scene.FaultsAsync());
        Assert.Equal(1, (await scene.StatisticsAsync()).OpenFaults);

        await scene.Database.ExecuteAsync("UPDATE auth.users SET email = @Email", new { account.Email });
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task A_deleted_account_takes_its_profile_along_where_the_foreign_key_says_so()
    {
        await using var scene = await EnabledAsync(ProfileShape.Minimal);
        await scene.SignUpAsync();

        await scene.Database.ExecuteAsync("DELETE FROM auth.users");

        Assert.Empty(await scene.RowsAsync());
    }

    [Theory]
    [InlineData("name required, e-mail unique, no foreign key")]
    [InlineData("a key of its own, the account in another column")]
    public async Task A_deleted_account_leaves_an_orphan_that_is_reported_and_kept(string label)
    {
        await using var scene = await EnabledAsync(ProfileShape.Named(label));
        await scene.SignUpAsync();
        var kept = await scene.SignUpAsync();
        var id = await scene.Database.ScalarAsync<string>($"SELECT {scene.Shape.Id}::text FROM users WHERE email = 'user1@example.com'");

        await scene.Database.ExecuteAsync("DELETE FROM auth.users WHERE email = 'user1@example.com'");
        await scene.RepairAsync();

        Assert.Equal(
            [(id, "user1@example.com")],
            (await scene.FindOrphansAsync()).Select(orphan => (orphan.ProfileId, orphan.Email!)));
        Assert.Equal(2, (await scene.RowsAsync()).Count);
        Assert.Contains(kept.Id, await scene.ProfilesAsync());
        var checks = await scene.ChecksAsync();
        Assert.Equal((CheckStatus.Warning, 1), (checks["OrphanedProfiles"].Status, checks["OrphanedProfiles"].Value));
    }

    private static async Task<UserSyncScene> EnabledAsync(ProfileShape? shape = null)
    {
        var scene = await UserSyncScene.CreateAsync(shape);
        await scene.EnableUpdateTriggerAsync();
        return scene;
    }

    private static Task<IReadOnlyList<string>> StateAsync(UserSyncScene scene) =>
        scene.Database.QueryAsync<string>("SELECT concat_ws(' ', email, phone, email_verified::text) FROM users ORDER BY created_at");
}
