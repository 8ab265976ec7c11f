using Dapper;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests.Sandbox;

public class AuthenticationSchemaTests
{
    [Fact]
    public async Task The_accounts_have_the_columns_of_the_authentication_server()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await CreateAsync(database);

        var columns = await connection.QueryAsync<string>("""
            SELECT concat_ws(
              ' ', attname, format_type(atttypid, atttypmod),
              CASE WHEN attnotnull THEN 'not null' END, CASE attgenerated WHEN 's' THEN 'generated' END)
            FROM pg_attribute
            WHERE attrelid = 'auth.users'::regclass AND attnum > 0
            ORDER BY attnum
            """);

        Assert.Equal(
            [
                "instance_id uuid", "id uuid not null", "aud character varying(255)", "role character varying(255)",
                "email character varying(255)", "encrypted_password character varying(255)",
                "email_confirmed_at timestamp with time zone", "invited_at timestamp with time zone",
                "confirmation_token character varying(255)", "confirmation_sent_at timestamp with time zone",
                "recovery_token character varying(255)", "recovery_sent_at timestamp with time zone",
                "email_change_token_new character varying(255)", "email_change character varying(255)",
                "email_change_sent_at timestamp with time zone", "last_sign_in_at timestamp with time zone", "raw_app_meta_data jsonb",
                "raw_user_meta_data jsonb", "is_super_admin boolean", "created_at timestamp with time zone",
                "updated_at timestamp with time zone", "phone text", "phone_confirmed_at timestamp with time zone", "phone_change text",
                "phone_change_token character varying(255)",
                "phone_change_sent_at timestamp with time zone", "confirmed_at timestamp with time zone generated",
                "email_change_token_current character varying(255)", "email_change_confirm_status smallint",
                "banned_until timestamp with time zone", "reauthentication_token character varying(255)",
                "reauthentication_sent_at timestamp with time zone", "is_sso_user boolean not null", "deleted_at timestamp with time zone",
                "is_anonymous boolean not null",
            ],
            columns);
    }

    [Fact]
    public async Task An_e_mail_is_shared_only_by_single_sign_on_and_a_phone_by_nobody()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await CreateAsync(database);
        await SignUpAsync("ada@example.com", "18725292147", isSso: false);

        await SignUpAsync("ada@example.com", phone: null, isSso: true);
        var email = await Assert.ThrowsAsync<PostgresException>(() => SignUpAsync("ada@example.com", phone: null, isSso: false));
        var phone = await Assert.ThrowsAsync<PostgresException>(() => SignUpAsync(email: null, "18725292147", isSso: true));

        Assert.Equal(("users_email_partial_key", "users_phone_key"), (email.ConstraintName, phone.ConstraintName));

        Task<int> SignUpAsync(string? email, string? phone, bool isSso) => connection.ExecuteAsync(
            "INSERT INTO auth.users (id, email, phone, is_sso_user) VALUES (gen_random_uuid(), @email, @phone, @isSso)",
            new { email, phone, isSso });
    }

    [Fact]
    public async Task An_account_is_confirmed_since_the_first_of_its_confirmations()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await CreateAsync(database);
        await connection.ExecuteAsync(
            "INSERT INTO auth.users (id, email_confirmed_at, phone_confirmed_at) VALUES (gen_random_uuid(), '2025-01-02Z', '2025-01-01Z')");

        Assert.True(await connection.ExecuteScalarAsync<bool>("SELECT confirmed_at = phone_confirmed_at FROM auth.users"));
    }

    [Fact]
    public async Task Row_level_security_hides_accounts_from_whoever_does_not_bypass_it()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await CreateAsync(database);

        Assert.True(await connection.ExecuteScalarAsync<bool>("SELECT relrowsecurity FROM pg_class WHERE oid = 'auth.users'::regclass"));
    }

    [Fact]
    public async Task What_is_there_already_stays_as_it_is()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await connection.ExecuteAsync("CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid)");

        var fault = await Assert.ThrowsAsync<PostgresException>(() => AuthenticationSchema.CreateAsync(connection, default));

        Assert.Equal(PostgresErrorCodes.DuplicateTable, fault.SqlState);
        Assert.Equal("id", await connection.ExecuteScalarAsync<string>(
            "SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'auth.users'::regclass AND attnum > 0"));
    }

    private static async Task<NpgsqlConnection> CreateAsync(TestDatabase database)
    {
        var connection = await database.OpenAsync();
        await AuthenticationSchema.CreateAsync(connection, default);
        return connection;
    }
}
