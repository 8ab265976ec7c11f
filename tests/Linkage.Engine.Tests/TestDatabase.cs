using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests;

/// <summary>A database that belongs to one test and is dropped with it.</summary>
public sealed class TestDatabase(PostgresSandbox server, string name, string connectionString) : IAsyncDisposable
{
    public string Name { get; } = name;

    public string ConnectionString { get; } = connectionString;

    /// <summary>An open connection, for the caller to dispose.</summary>
    public async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await using (var connection = new NpgsqlConnection(ConnectionString))
            NpgsqlConnection.ClearPool(connection);
        await server.DropDatabaseAsync(Name);
    }
}
