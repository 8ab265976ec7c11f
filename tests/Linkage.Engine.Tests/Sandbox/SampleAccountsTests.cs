using Dapper;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests.Sandbox;

public class SampleAccountsTests
{
    private static readonly SampleDataOptions _options = new() { Deliveries = 20_000, Accounts = true };

    [Fact]
    public async Task Equal_seeds_give_equal_accounts_and_another_seed_gives_others()
    {
        var rows = new List<string>();
        foreach (var seed in (long[])[7, 7, 8])
        {
            await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
            await using var connection = await database.OpenAsync();
            await SampleData.FillAsync(connection, new() { Deliveries = 500, Seed = seed, Accounts = true }, default);
            rows.Add(await DigestAsync(connection, "auth.users"));
        }

        Assert.Equal(rows[0], rows[1]);
        Assert.NotEqual(rows[0], rows[2]);
    }

    [Fact]
    public async Task The_users_are_the_same_with_and_without_accounts()
    {
        var users = new List<string>();
        foreach (var accounts in (bool[])[false, true])
        {
            await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
            await using var connection = await database.OpenAsync();
            var overview = await SampleData.FillAsync(connection, new() { Deliveries = 500, Accounts = accounts }, default);
            users.Add(await DigestAsync(connection, "public.users"));

            Assert.Equal(accounts, overview.Accounts is not null);
            Assert.Equal(accounts, await connection.ExecuteScalarAsync<bool>("SELECT to_regclass('auth.users') IS NOT NULL"));
        }

        Assert.Equal(users[0], users[1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_000)]
    public async Task The_overview_counts_what_is_in_the_tables_and_no_ill_is_missing(int deliveries)
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        var overview = await SampleData.FillAsync(connection, new() { Deliveries = deliveries, Accounts = true }, default);

        var counted = await connection.QuerySingleAsync<SampleAccountsOverview>("""
            WITH accounts AS (
              SELECT a.*, deleted_at IS NULL AND NOT is_anonymous AS is_active,
                EXISTS (SELECT FROM users u WHERE u.id = a.id) AS has_profile
              FROM auth.users a
            )
            SELECT count(*) AS accounts,
              count(*) FILTER (WHERE is_active AND NOT has_profile) AS ghosts,
              count(*) FILTER (WHERE is_active AND NOT has_profile AND email IN (SELECT u.email FROM users u)) AS "unrepairableGhosts",
              (SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT FROM auth.users a WHERE a.id = u.id)) AS "orphanedProfiles",
              count(*) FILTER (WHERE is_anonymous AND NOT has_profile) AS anonymous,
              count(*) FILTER (WHERE deleted_at IS NOT NULL AND has_profile) AS "softDeletedWithProfile",
              count(*) FILTER (WHERE deleted_at IS NOT NULL AND NOT has_profile) AS "softDeletedWithoutProfile"
            FROM accounts
            """);

        Assert.Equal(overview.Accounts, counted);
        Assert.DoesNotContain(
            0, new[]
            {
                counted.Ghosts - counted.UnrepairableGhosts, counted.UnrepairableGhosts, counted.OrphanedProfiles, counted.Anonymous,
                counted.SoftDeletedWithProfile, counted.SoftDeletedWithoutProfile,
            });
        // Every profile but the orphaned ones has its account, so the two numbers differ by the ills alone.
        Assert.Equal(
            overview.Users - counted.OrphanedProfiles,
            counted.Accounts - counted.Ghosts - counted.Anonymous - counted.SoftDeletedWithoutProfile);
    }

    [Fact]
    public async Task Account_and_profile_agree_about_e_mail_name_and_time_and_the_phone_lacks_its_plus_sign()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(_options);
        await using var connection = await database.OpenAsync();

        var differing = await connection.ExecuteScalarAsync<long>("""
            SELECT count(*)
            FROM auth.users a
            JOIN users u USING (id)
            WHERE a.deleted_at IS NULL AND NOT (
              a.email IS NOT DISTINCT FROM u.email AND a.email IS NOT DISTINCT FROM lower(a.email)
              AND a.raw_user_meta_data ->> 'full_name' = u.name AND a.created_at = u.created_at
              AND (a.phone IS NULL
                OR a.phone ~ '^[1-9][0-9]{9,14}$' AND right(a.phone, 10) = right(regexp_replace(u.phone, '\D', '', 'g'), 10)))
            """);

        Assert.Equal(0, differing);
        Assert.Equal(0, await connection.ExecuteScalarAsync<long>(
            "SELECT count(*) FROM auth.users WHERE email IS NULL AND phone IS NULL AND NOT is_anonymous"));
    }

    [Fact]
    public async Task Ghosts_signed_up_by_e_mail_by_phone_and_by_both()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(_options);
        await using var connection = await database.OpenAsync();

        var kinds = await connection.QueryAsync<(bool, bool)>("""
            SELECT DISTINCT email IS NOT NULL, phone IS NOT NULL
            FROM auth.users a
            WHERE deleted_at IS NULL AND NOT is_anonymous AND NOT is_sso_user AND NOT EXISTS (SELECT FROM users u WHERE u.id = a.id)
            """);

        Assert.Equal([(false, true), (true, false), (true, true)], kinds.Order());
    }

    [Fact]
    public async Task A_ghost_that_can_not_be_repaired_signs_in_by_sso_with_the_e_mail_of_another_profile()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(_options);
        await using var connection = await database.OpenAsync();

        Assert.True(await connection.ExecuteScalarAsync<bool>("""
            SELECT count(*) > 0 AND bool_and(is_sso_user AND raw_app_meta_data ->> 'provider' LIKE 'sso:%')
            FROM auth.users a
            WHERE EXISTS (SELECT FROM users u WHERE u.email = a.email AND u.id <> a.id)
            """));
    }

    [Fact]
    public async Task Of_a_softly_deleted_account_only_hashes_are_left_and_its_profile_is_as_it_was()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(_options);
        await using var connection = await database.OpenAsync();

        Assert.Equal(0, await connection.ExecuteScalarAsync<long>("""
            SELECT count(*)
            FROM auth.users
            WHERE deleted_at IS NOT NULL AND NOT (
              email ~ '^[A-Za-z0-9_-]{43}$' AND phone ~ '^[A-Za-z0-9_-]{15}$' AND encrypted_password IS NULL
              AND raw_app_meta_data = '{}' AND raw_user_meta_data = '{}' AND deleted_at > created_at)
            """));
        Assert.Equal(0, await connection.ExecuteScalarAsync<long>("""
            SELECT count(*)
            FROM auth.users a
            JOIN users u USING (id)
            WHERE a.deleted_at IS NOT NULL AND (u.name IS NULL OR a.email = u.email OR u.email IS NULL AND u.phone IS NULL)
            """));
    }

    [Fact]
    public async Task Of_an_anonymous_account_nothing_is_known()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(_options);
        await using var connection = await database.OpenAsync();

        Assert.True(await connection.ExecuteScalarAsync<bool>("""
            SELECT bool_and(email IS NULL AND phone IS NULL AND encrypted_password = '' AND raw_user_meta_data = '{}')
            FROM auth.users
            WHERE is_anonymous
            """));
    }

    [Fact]
    public async Task Filling_accounts_that_exist_keeps_their_triggers_silent()
    {
        await using var database = await PostgresFixture.CreateDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await AuthenticationSchema.CreateAsync(connection, default);
        await connection.ExecuteAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
            CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION refuse();
            """);

        var first = await SampleData.FillAsync(connection, new() { Deliveries = 100, Accounts = true }, default);
        var second = await SampleData.FillAsync(connection, new() { Deliveries = 100, Accounts = true, Seed = 2 }, default);

        Assert.Equal(
            first.Accounts!.Accounts + second.Accounts!.Accounts,
            await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM auth.users"));
    }

    private static async Task<string> DigestAsync(NpgsqlConnection connection, string table) =>
        await connection.ExecuteScalarAsync<string>($"SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM {table} t") ?? "";
}
