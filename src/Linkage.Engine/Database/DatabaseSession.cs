using Dapper;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>One open transaction: what a unit of work may do with it. Every call carries the caller's cancellation to the server.</summary>
public sealed class DatabaseSession
{
    private readonly CancellationToken _cancellation;

    internal DatabaseSession(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken cancellation)
    {
        Connection = connection;
        Transaction = transaction;
        _cancellation = cancellation;
    }

    /// <summary>The connection under the transaction, for what Dapper does not cover (COPY, notices).</summary>
    public NpgsqlConnection Connection { get; }

    internal NpgsqlTransaction Transaction { get; }

    /// <summary>Runs statements that return nothing; returns the number of rows they touched.</summary>
    public Task<int> ExecuteAsync(string sql, object? parameters = null) =>
        Connection.ExecuteAsync(Command(sql, parameters));

    /// <summary>Runs a query and returns all its rows.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        (await Connection.QueryAsync<T>(Command(sql, parameters))).AsList();

    /// <summary>Runs a query that returns exactly one row.</summary>
    public Task<T> QuerySingleAsync<T>(string sql, object? parameters = null) =>
        Connection.QuerySingleAsync<T>(Command(sql, parameters));

    /// <summary>Runs a query that returns one row or none.</summary>
    public Task<T?> QuerySingleOrDefaultAsync<T>(string sql, object? parameters = null) =>
        Connection.QuerySingleOrDefaultAsync<T>(Command(sql, parameters));

    /// <summary>Runs a query and hands its rows on as they arrive, so that the client's memory stays flat.</summary>
    public IAsyncEnumerable<T> StreamAsync<T>(string sql, object? parameters = null) =>
        Connection.QueryUnbufferedAsync<T>(sql, parameters, Transaction, commandTimeout: 0);

    private CommandDefinition Command(string sql, object? parameters) =>
        new(sql, parameters, Transaction, commandTimeout: 0, cancellationToken: _cancellation);
}
