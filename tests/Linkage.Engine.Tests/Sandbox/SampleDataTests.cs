using Dapper;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests.Sandbox;

public class SampleDataTests
{
    // Independent of the generator and of Linkage: enough of normalisation for the forms that the sample has.
    private const string Normalized = """
        CREATE FUNCTION pg_temp.e164(phone text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
          SELECT CASE
            WHEN phone LIKE '011%' THEN '+' || substr(phone, 4)
            WHEN phone LIKE '+%' THEN '+' || digits
            WHEN length(digits) = 10 THEN '+1' || digits
            WHEN length(digits) > 10 THEN '+' || digits
          END
          FROM regexp_replace(phone, '\D', '', 'g') AS digits
        $$;
        """;

    [Fact]
    public async Task Equal_seeds_give_equal_rows_and_another_seed_gives_others()
    {
        var rows = new List<string>();
        foreach (var seed in (long[])[7, 7, 8])
        {
            await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
            await using var connection = await database.OpenAsync();
            await SampleData.FillAsync(connection, new() { Deliveries = 500, Seed = seed }, default);
            rows.Add(await connection.ExecuteScalarAsync<string>("""
                SELECT concat(
                  (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM users t),
                  (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM events t),
                  (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM event_guests t),
                  (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM messages t),
                  (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM message_deliveries t))
                """) ?? "");
        }

        Assert.Equal(rows[0], rows[1]);
        Assert.NotEqual(rows[0], rows[2]);
    }

    [Fact]
    public async Task The_overview_counts_what_is_in_the_tables()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        var overview = await SampleData.FillAsync(connection, new() { Deliveries = 20_000 }, default);
        await connection.ExecuteAsync(Normalized);
        var counted = await connection.QuerySingleAsync<SampleDataOverview>("""
            WITH guests AS (
              SELECT *, pg_temp.e164(phone) AS e164 FROM event_guests
            ), active AS (
              SELECT event_id, e164, count(*) AS rows, count(user_id) AS with_user
              FROM guests WHERE removed_at IS NULL GROUP BY event_id, e164
            ), deliveries AS (
              SELECT d.phone_number, d.user_id, d.guest_id, g.user_id AS guest_user, g.removed_at IS NOT NULL AS removed,
                coalesce(a.rows, 0) AS rows, coalesce(a.with_user, 0) AS with_user
              FROM message_deliveries d
              LEFT JOIN guests g ON g.id = d.guest_id
              LEFT JOIN active a ON a.event_id = g.event_id AND a.e164 = g.e164
            )
            SELECT (SELECT count(*) FROM users) AS users,
              (SELECT count(*) - count(DISTINCT pg_temp.e164(phone)) FROM users WHERE phone IS NOT NULL)
                AS "usersSharingAPhone",
              (SELECT count(*) FROM events) AS events,
              (SELECT count(*) FROM guests) AS guests,
              (SELECT count(*) FROM guests WHERE removed_at IS NOT NULL) AS "removedGuests",
              (SELECT count(*) FROM active WHERE rows = 2) AS "guestsEnteredTwice",
              (SELECT count(*) FROM messages) AS messages,
              count(*) AS deliveries,
              count(*) FILTER (WHERE phone_number IS NULL) AS "withoutPhone",
              count(*) FILTER (WHERE length(regexp_replace(phone_number, '\D', '', 'g')) < 10) AS "withInvalidPhone",
              count(*) FILTER (WHERE user_id = guest_user) AS linked,
              count(*) FILTER (WHERE user_id <> guest_user) AS "linkedWrongly",
              count(*) FILTER (WHERE user_id IS NULL AND guest_user IS NOT NULL AND NOT removed) AS "guestLinkedLate",
              count(*) FILTER (WHERE user_id IS NULL AND removed AND rows = 1 AND with_user = 1) AS "guestAddedAgain",
              count(*) FILTER (WHERE user_id IS NULL AND guest_user IS NULL AND NOT removed AND rows = 1) AS "guestWithoutUser",
              count(*) FILTER (WHERE user_id IS NULL AND guest_user IS NULL AND NOT removed AND rows = 2) AS "guestAmbiguous",
              count(*) FILTER (WHERE user_id IS NULL AND removed AND rows = 0) AS "guestRemoved",
              count(*) FILTER (WHERE guest_id IS NULL) AS "withoutGuest"
            FROM deliveries
            """);

        // A user whose phone is shared may have lost his own, so the tables hold a few shared phones less.
        Assert.InRange(counted.UsersSharingAPhone, overview.UsersSharingAPhone * 0.8, overview.UsersSharingAPhone);
        Assert.Equal(overview with { UsersSharingAPhone = 0 }, counted with { UsersSharingAPhone = 0 });
        Assert.Equal(20_000, overview.Linked + overview.LinkedWrongly + overview.Linkable + overview.GuestWithoutUser
            + overview.GuestAmbiguous + overview.GuestRemoved + overview.WithoutGuest);
    }

    [Theory]
    [InlineData(0.6, 0.95)]
    [InlineData(0.9, 0.5)]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    public async Task The_shares_are_those_asked_for(double linkable, double phones)
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();

        var overview = await SampleData.FillAsync(
            connection, new() { Deliveries = 12_000, LinkableShare = linkable, PhoneShare = phones }, default);

        Assert.Equal(linkable, overview.Linkable / 12_000.0, 0.03);
        Assert.Equal(phones, 1 - overview.WithoutPhone / 12_000.0, 0.03);
    }

    [Fact]
    public async Task Phones_come_in_ten_forms_of_numbers_that_exist()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(20_000);
        await using var connection = await database.OpenAsync();

        var forms = await connection.QueryAsync<string>("""
            SELECT regexp_replace(phone_number, '\d{3}', 'ddd', 'g')
            FROM (
              SELECT regexp_replace(phone_number, '[2-9]\d\d(\D{0,2})[2-9](?!11)\d\d(\D?)\d{4}$', 'AAA\1EEE\2NNNN') AS phone_number
              FROM message_deliveries
            ) AS shapes
            WHERE phone_number LIKE '%AAA%' AND phone_number !~ '^(011|\+[2-9])'
            GROUP BY 1
            HAVING count(*) > 1000
            """);

        Assert.Equal(
            [
                "(AAA) EEE-NNNN", "+1 (AAA) EEE-NNNN", "+1 AAA EEE NNNN", "+1AAAEEENNNN", "1-AAA-EEE-NNNN",
                "1AAAEEENNNN", "AAA EEE NNNN", "AAA-EEE-NNNN", "AAA.EEE.NNNN", "AAAEEENNNN",
            ],
            forms.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Some_users_are_stored_without_the_plus_sign_and_some_numbers_are_of_other_countries()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(20_000);
        await using var connection = await database.OpenAsync();

        Assert.True(await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM users WHERE phone ~ '^1[2-9]\\d{9}$'") > 100);
        Assert.True(await connection.ExecuteScalarAsync<long>(
            "SELECT count(*) FROM message_deliveries WHERE phone_number ~ '^\\+[2-9]\\d{9,}$'") > 100);
    }

    [Fact]
    public async Task Ids_look_random_and_are_valid_uuids_of_version_4()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(20_000);
        await using var connection = await database.OpenAsync();

        Assert.Equal(0, await connection.ExecuteScalarAsync<long>(
            "SELECT count(*) FROM message_deliveries WHERE id::text !~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-'"));
        // Ids in the order of the rows would be near 1, random ones near 0.
        Assert.Equal(0, await connection.ExecuteScalarAsync<double>(
            "SELECT correlation FROM pg_stats WHERE tablename = 'message_deliveries' AND attname = 'id'"), 0.1);
    }

    [Fact]
    public async Task Filling_tables_that_exist_keeps_their_triggers_silent()
    {
        await using var database = await PostgresFixture.CreateDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await connection.ExecuteAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON message_deliveries FOR EACH ROW EXECUTE FUNCTION refuse();
            """);

        await SampleData.FillAsync(connection, new() { Deliveries = 100 }, default);
        await SampleData.FillAsync(connection, new() { Deliveries = 100, Seed = 2 }, default);

        Assert.Equal(200, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM message_deliveries"));
    }

    [Fact]
    public async Task A_filling_that_fails_leaves_nothing()
    {
        await using var database = await PostgresFixture.CreateDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await SampleData.FillAsync(connection, new() { Deliveries = 100 }, default);

        var fault = await Assert.ThrowsAsync<PostgresException>(
            () => SampleData.FillAsync(connection, new() { Deliveries = 200 }, default));

        Assert.Equal(PostgresErrorCodes.UniqueViolation, fault.SqlState);
        Assert.Equal(100, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM message_deliveries"));
    }

    [Fact]
    public async Task The_application_upserts_a_delivery_by_message_and_guest()
    {
        await using var database = await PostgresFixture.CreateSampleDatabaseAsync(100);
        await using var connection = await database.OpenAsync();
        const string Upsert = """
            SELECT upsert_message_delivery(message_id, guest_id, phone_number, p_status => 'failed') = id
            FROM message_deliveries WHERE guest_id IS NOT NULL LIMIT 1
            """;

        Assert.True(await connection.ExecuteScalarAsync<bool>(Upsert));
        Assert.Equal(100, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM message_deliveries"));
    }

    [Theory]
    [InlineData(0, 0.6, 0.95)]
    [InlineData(10, 1.1, 0.95)]
    [InlineData(10, 0.6, double.NaN)]
    public async Task Options_out_of_range_are_refused(int deliveries, double linkable, double phones)
    {
        await using var connection = new NpgsqlConnection();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SampleData.FillAsync(
            connection, new() { Deliveries = deliveries, LinkableShare = linkable, PhoneShare = phones }, default));
    }
}
