using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests;

/// <summary>
/// A database of one test with the application's tables and Linkage installed, copied from a template:
/// <c>await using var database = await LinkedDatabase.CreateAsync();</c>
/// </summary>
public sealed class LinkedDatabase : IAsyncDisposable
{
    private readonly TestDatabase _test;

    private LinkedDatabase(TestDatabase test, LinkageDatabase engine, NpgsqlConnection connection)
    {
        _test = test;
        Engine = engine;
        Connection = connection;
    }

    /// <summary>What the engine works with.</summary>
    public LinkageDatabase Engine { get; }

    /// <summary>An open connection of a superuser, for facts and fixtures; not for two tasks at once.</summary>
    public NpgsqlConnection Connection { get; }

    /// <summary>Connects to the database as a superuser.</summary>
    public string ConnectionString => _test.ConnectionString;

    /// <summary>A database with all components.</summary>
    public static async Task<LinkedDatabase> CreateAsync() => await OpenAsync(await PostgresFixture.CreateLinkedDatabaseAsync());

    /// <summary>The application's tables without Linkage: for tests of the install.</summary>
    public static async Task<LinkedDatabase> CreateUnlinkedAsync() => await OpenAsync(await PostgresFixture.CreateDatabaseAsync());

    /// <summary>A database without any table, for application tables of a test's own.</summary>
    public static async Task<LinkedDatabase> CreateEmptyAsync() => await OpenAsync(await PostgresFixture.CreateEmptyDatabaseAsync());

    /// <summary>Installs everything and returns what was done.</summary>
    public static async Task<IReadOnlyList<SchemaStep>> InstallAsync(LinkageDatabase database, string? schema = null)
    {
        var installer = new SchemaInstaller(database, schema);
        List<SchemaStep> steps = [];
        await installer.ApplyAsync(await installer.PlanAsync([], CancellationToken.None), steps.Add, waiting: null, CancellationToken.None);
        return steps;
    }

    /// <inheritdoc cref="InstallAsync(LinkageDatabase, string?)"/>
    public Task<IReadOnlyList<SchemaStep>> InstallAsync() => InstallAsync(Engine);

    /// <summary>Another open connection, for the caller to dispose.</summary>
    public Task<NpgsqlConnection> OpenAsync() => _test.OpenAsync();

    /// <summary>Runs statements.</summary>
    public Task<int> ExecuteAsync(string sql, object? parameters = null) => Connection.ExecuteAsync(sql, parameters);

    /// <summary>One value.</summary>
    public async Task<T> ScalarAsync<T>(string sql, object? parameters = null) =>
        (await Connection.ExecuteScalarAsync<T>(sql, parameters))!;

    /// <summary>All rows.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        (await Connection.QueryAsync<T>(sql, parameters)).AsList();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        await Engine.DisposeAsync();
        await _test.DisposeAsync();
    }

    /// <summary>A database that is there, on whatever server; it is dropped with this.</summary>
    public static async Task<LinkedDatabase> OpenAsync(TestDatabase test) =>
        new(test, await LinkageDatabase.OpenAsync(test.ConnectionString, CancellationToken.None), await test.OpenAsync());
}
