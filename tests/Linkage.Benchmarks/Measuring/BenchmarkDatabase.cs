using Dapper;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Benchmarks.Measuring;

/// <summary>One contender's copy of the data.</summary>
internal sealed class BenchmarkDatabase : IAsyncDisposable
{
    private BenchmarkDatabase(NpgsqlConnection connection, int serverProcessId)
    {
        Connection = connection;
        ServerProcessId = serverProcessId;
    }

    /// <summary>For statements of one's own, with the memory that a DBA gives a large statement.</summary>
    public NpgsqlConnection Connection { get; }

    /// <summary>The first process of the server that it is on.</summary>
    public int ServerProcessId { get; }

    public string Name => Connection.Database;

    public static async Task<BenchmarkDatabase> OpenAsync(string connectionString, int serverProcessId)
    {
        var connection = new NpgsqlConnection(connectionString + ";Persist Security Info=true");
        await connection.OpenAsync();
        await connection.ExecuteAsync("SET work_mem = '256MB'");
        return new BenchmarkDatabase(connection, serverProcessId);
    }

    /// <summary>The engine's own way in.</summary>
    public Task<LinkageDatabase> OpenEngineAsync() => LinkageDatabase.OpenAsync(
        new NpgsqlConnectionStringBuilder(Connection.ConnectionString) { Pooling = true }.ConnectionString, CancellationToken.None);

    public Task ExecuteAsync(string sql, object? parameters = null) => Connection.ExecuteAsync(sql, parameters);

    public async Task<T> ScalarAsync<T>(string sql) => (await Connection.ExecuteScalarAsync<T>(sql))!;

    /// <summary>Reads what there is once, and puts the log and the disk into the same state for everybody.</summary>
    public async Task WarmAsync()
    {
        var tables = await Connection.QueryAsync<string>(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('public', 'auth')");
        foreach (var table in tables)
            await ExecuteAsync($"SELECT count(*) FROM {table} AS t WHERE t IS NOT NULL");
        await ExecuteAsync("CHECKPOINT;");
    }

    /// <summary>How many deliveries have a user, and a sum over which one has which.</summary>
    public async Task<string> LinksAsync() => await ScalarAsync<string>(
        """
        SELECT format('%s links, checksum %s', count(*), sum(hashtextextended(id::text || user_id::text, 0)::numeric))
        FROM message_deliveries
        WHERE user_id IS NOT NULL
        """);

    public ValueTask DisposeAsync() => Connection.DisposeAsync();
}
