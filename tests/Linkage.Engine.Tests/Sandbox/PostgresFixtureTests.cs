using Npgsql;

namespace Linkage.Engine.Tests.Sandbox;

public class PostgresFixtureTests
{
    [Fact]
    public async Task A_test_gets_the_applications_tables_empty_and_to_itself()
    {
        await using var first = await PostgresFixture.CreateDatabaseAsync();
        await using var second = await PostgresFixture.CreateDatabaseAsync();
        await using (var connection = await first.OpenAsync())
        await using (var insert = new NpgsqlCommand("INSERT INTO users (phone) VALUES ('+18725292147')", connection))
            await insert.ExecuteNonQueryAsync();

        await using var other = await second.OpenAsync();
        await using var count = new NpgsqlCommand("SELECT count(*) FROM users", other);

        Assert.Equal(0L, await count.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_database_is_gone_after_its_test_even_if_a_session_was_left_open()
    {
        var database = await PostgresFixture.CreateDatabaseAsync();
        await using var forgotten = await database.OpenAsync();
        await database.DisposeAsync();

        var server = await PostgresFixture.ServerAsync();
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand("SELECT count(*) FROM pg_database WHERE datname = $1", connection)
        {
            Parameters = { new() { Value = database.Name } },
        };

        Assert.Equal(0L, await count.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Many_tests_take_their_databases_at_once()
    {
        var databases = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PostgresFixture.CreateDatabaseAsync()));

        Assert.Equal(8, databases.Select(database => database.ConnectionString).Distinct().Count());
        foreach (var database in databases)
            await database.DisposeAsync();
    }
}
