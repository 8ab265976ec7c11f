using Dapper;
using Linkage.Engine.Sandbox;

namespace Linkage.Engine.Tests.Sandbox;

public class SampleLeadsTests
{
    private static readonly string[] _tables =
        ["\"Customer\"", "\"CustomerAddress\"", "\"Lead\"", "\"Job\"", "\"Conversation\"", "\"Audit\""];

    [Fact]
    public async Task Equal_seeds_give_equal_rows_and_another_seed_gives_others()
    {
        List<string[]> rows = [];
        foreach (var seed in (long[])[7, 7, 8])
        {
            await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
            await using var connection = await database.OpenAsync();
            await SampleLeads.FillAsync(connection, 500, seed, default);
            rows.Add(await Task.WhenAll(_tables.Select(table => DigestAsync(database, table))));
        }

        Assert.Equal(rows[0], rows[1]);
        Assert.Empty(rows[0].Intersect(rows[2]));
    }

    [Theory]
    [InlineData(SampleLeads.Minimum)]
    [InlineData(20_000)]
    public async Task The_overview_counts_what_is_in_the_tables_and_no_ill_is_missing(int leads)
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        var overview = await SampleLeads.FillAsync(connection, leads, 1, default);

        var counted = await connection.QuerySingleAsync<SampleLeadsOverview>("""
            WITH lead AS MATERIALIZED (
              SELECT id, customer_id, messenger_psid AS psid, right(regexp_replace(phone, '\D', '', 'g'), 10) AS digits, phone, email
              FROM "Lead"
            ), customer AS MATERIALIZED (
              SELECT c.id, right(regexp_replace(c.phone, '\D', '', 'g'), 10) AS digits, lower(c.email) AS email,
                count(l.id) AS leads, count(DISTINCT l.psid) AS psids, min(l.digits) AS lead_digits
              FROM "Customer" c
              LEFT JOIN lead l ON l.customer_id = c.id
              GROUP BY c.id
            ), phone AS MATERIALIZED (
              SELECT digits, count(*) AS leads, count(DISTINCT psid) AS psids, count(*) FILTER (WHERE psid IS NULL) AS without_psid
              FROM lead
              WHERE digits ~ '^[2-9]'
              GROUP BY digits
            ), job AS MATERIALIZED (
              SELECT j.customer_id, l.customer_id AS lead_customer_id
              FROM "Job" j
              LEFT JOIN lead l ON l.id = j.lead_id
            )
            SELECT
              (SELECT count(*) FROM lead) AS leads,
              (SELECT count(*) FROM lead WHERE customer_id IS NULL) AS "leadsWithoutCustomer",
              (
                SELECT count(*)
                FROM lead l
                WHERE l.customer_id IS NULL AND EXISTS (SELECT FROM customer c WHERE c.digits = l.digits)
              ) AS "leadsOfKnownCustomers",
              (
                SELECT count(*)
                FROM lead
                WHERE phone IN ('000-000-0000', '1111111111', 'none') OR email IN ('test@test.com', 'n/a', 'none@none.com')
              ) AS "leadsWithPlaceholder",
              (SELECT sum(without_psid)::bigint FROM phone WHERE psids = 1) AS "leadsOverTheCounter",
              (SELECT count(*) FROM phone WHERE psids = 2 AND leads = 2) AS "householdPhones",
              (SELECT sum(leads)::bigint FROM phone WHERE leads > 20) AS "leadsOfAgencies",
              (SELECT count(*) FROM customer) AS customers,
              (SELECT count(*) FROM customer WHERE leads = 0) AS "customersWithoutLeads",
              (SELECT count(*) FROM customer WHERE leads > 5) AS "largeCustomers",
              (SELECT count(*) FROM customer WHERE psids > 1) AS "mixedCustomers",
              (SELECT count(*) - count(DISTINCT digits) FROM customer WHERE digits IS NOT NULL) AS "duplicatePhones",
              (SELECT count(*) - count(DISTINCT email) FROM customer WHERE email IS NOT NULL) AS "duplicateEmails",
              (SELECT count(*) FROM job) AS jobs,
              (SELECT count(*) FROM job WHERE customer_id IS NULL) AS "jobsWithoutCustomer",
              (SELECT count(*) FROM job WHERE customer_id IS NULL AND lead_customer_id IS NOT NULL) AS "jobsLeftBehind",
              (SELECT count(*) FROM job WHERE customer_id <> lead_customer_id) AS "jobsThatDisagree",
              (SELECT count(*) FROM "Conversation") AS conversations,
              (SELECT count(*) FROM "Conversation" WHERE customer_id IS NULL) AS "conversationsWithoutCustomer"
            """);

        Assert.Equal(overview, counted);
        Assert.All(
            typeof(SampleLeadsOverview).GetProperties().Where(property => property.PropertyType == typeof(long)),
            property => Assert.NotEqual(0L, property.GetValue(counted)));
    }

    [Fact]
    public async Task Over_half_of_the_leads_have_a_psid_a_third_only_a_phone_and_some_only_an_e_mail()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await SampleLeads.FillAsync(connection, 20_000, 1, default);

        var (psid, phone, email) = await connection.QuerySingleAsync<(double, double, double)>("""
            SELECT avg((messenger_psid IS NOT NULL)::integer)::float8,
              avg((messenger_psid IS NULL AND phone IS NOT NULL)::integer)::float8,
              avg((messenger_psid IS NULL AND phone IS NULL AND email IS NOT NULL)::integer)::float8
            FROM "Lead"
            """);

        Assert.InRange(psid, 0.50, 0.60);
        Assert.InRange(phone, 0.30, 0.40);
        Assert.InRange(email, 0.05, 0.12);
    }

    [Fact]
    public async Task Customers_of_an_earlier_script_say_by_what_they_were_grouped_and_phones_lack_their_calling_code()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await SampleLeads.FillAsync(connection, 2000, 1, default);

        var keys = await connection.QueryAsync<(string Type, bool IsKey)>("""
            SELECT DISTINCT metadata ->> 'groupType', metadata ->> 'groupKey' ~ '^(email:[^ ]+@|(phone|psid):[0-9]{10,16}$)'
            FROM "Customer"
            WHERE metadata <> '{}'
            """);

        Assert.Equal([("email", true), ("phone", true), ("psid", true)], keys.Order());
    }

    [Fact]
    public async Task Keys_and_foreign_keys_hold_and_addresses_of_a_customer_who_is_there_twice_clash()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        var overview = await SampleLeads.FillAsync(connection, 2000, 1, default);

        Assert.Equal(
            6, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"));
        var clashes = await connection.ExecuteScalarAsync<long>("""
            SELECT count(*)
            FROM "Customer" a
            JOIN "Customer" b ON b.id > a.id
              AND (lower(b.email) = lower(a.email)
                OR right(regexp_replace(b.phone, '\D', '', 'g'), 10) = right(regexp_replace(a.phone, '\D', '', 'g'), 10))
            JOIN "CustomerAddress" aa ON aa.customer_id = a.id
            JOIN "CustomerAddress" ba ON ba.customer_id = b.id AND ba.label = aa.label
            """);
        Assert.Equal(overview.DuplicatePhones + overview.DuplicateEmails, clashes);
    }

    [Fact]
    public async Task Filling_tables_that_exist_keeps_their_triggers_silent()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();
        await CustomerSchema.CreateAsync(connection, default);
        await connection.ExecuteAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON "Lead" FOR EACH ROW EXECUTE FUNCTION refuse();
            """);

        await SampleLeads.FillAsync(connection, 200, 1, default);
        await SampleLeads.FillAsync(connection, 300, 2, default);

        Assert.Equal(500, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM \"Lead\""));
    }

    [Fact]
    public async Task Fewer_leads_than_can_have_every_ill_are_refused()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        await using var connection = await database.OpenAsync();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => SampleLeads.FillAsync(connection, SampleLeads.Minimum - 1, 1, default));
        Assert.False(await connection.ExecuteScalarAsync<bool>("SELECT to_regclass('\"Lead\"') IS NOT NULL"));
    }

    private static async Task<string> DigestAsync(TestDatabase database, string table)
    {
        await using var connection = await database.OpenAsync();
        return await connection.ExecuteScalarAsync<string>($"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t") ?? "";
    }
}
