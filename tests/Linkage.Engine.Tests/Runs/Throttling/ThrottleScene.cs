using System.Text.RegularExpressions;
using Dapper;
using Linkage.Engine.Database;
using Linkage.Engine.Runs.Throttling;
using Npgsql;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>A database with a table to walk, and a role that has nothing but what every role has.</summary>
internal sealed partial class ThrottleScene : IAsyncDisposable
{
    public const string Table = "delivery";

    /// <summary>What the run's transactions are called.</summary>
    public const string ApplicationName = "Linkage Test-Throttle 0190";

    private ThrottleScene(LinkedDatabase database, LinkageDatabase run)
    {
        Database = database;
        Run = run;
    }

    /// <summary>The superuser's view.</summary>
    public LinkedDatabase Database { get; }

    /// <summary>What the run works with.</summary>
    public LinkageDatabase Run { get; }

    public static async Task<ThrottleScene> CreateAsync(TestDatabase test)
    {
        var database = await LinkedDatabase.OpenAsync(test);
        var role = $"runner of {test.Name}";
        await database.ExecuteAsync(
            $"""
            CREATE ROLE "{role}" LOGIN PASSWORD 'secret';
            GRANT ALL ON SCHEMA public TO "{role}";
            CREATE TABLE {Table} (id integer PRIMARY KEY, note text);
            ALTER TABLE {Table} OWNER TO "{role}";
            """);
        var settings = new NpgsqlConnectionStringBuilder(test.ConnectionString) { Username = role, Password = "secret" };
        return new ThrottleScene(database, await LinkageDatabase.OpenAsync(settings.ConnectionString, CancellationToken.None));
    }

    public async ValueTask DisposeAsync()
    {
        await Run.DisposeAsync();
        await Database.DisposeAsync();
    }

    public Task<Throttle> OpenAsync(ThrottleOptions options) =>
        Throttle.OpenAsync(Run, Table, options, ApplicationName, CancellationToken.None);

    public Task<Throttle> OpenQueryAsync(string query) => OpenAsync(ThrottleOptions.None with { Query = query });

    /// <summary>Opens what can't be read, and returns the fault.</summary>
    public async Task<LinkageException> RefusedAsync(ThrottleOptions options)
    {
        var fault = await Assert.ThrowsAsync<LinkageException>(() => OpenAsync(options));
        Assert.Equal(Throttle.SignalUnreadable, fault.ErrorId);
        return fault;
    }

    /// <summary>Does what a message tells an administrator to do.</summary>
    public Task<int> GrantAsync(string message)
    {
        var grants = Grants().Match(message);
        Assert.True(grants.Success, message);
        return Database.ExecuteAsync(grants.Groups[1].Value);
    }

    /// <summary>Takes all back that a message told to grant.</summary>
    public Task<int> RevokeAsync(string message)
    {
        var grants = Grants().Match(message).Groups[1].Value;
        return Database.ExecuteAsync(
            grants.Replace("GRANT", "REVOKE", StringComparison.Ordinal).Replace(" TO ", " FROM ", StringComparison.Ordinal));
    }

    /// <summary>A session of the run's role in a transaction, named like those of the run unless told otherwise.</summary>
    public async Task<NpgsqlConnection> BeginAsync(string applicationName = ApplicationName)
    {
        var settings = new NpgsqlConnectionStringBuilder(Database.ConnectionString)
        {
            Username = Run.UserName,
            Password = "secret",
            Pooling = false,
            CommandTimeout = 0,
        };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync();
        await connection.ExecuteAsync($"BEGIN; SET LOCAL application_name = '{applicationName}'");
        return connection;
    }

    /// <summary>Waits until a check says what it should.</summary>
    public static Task UntilAsync(Throttle throttle, string? signal) =>
        Poll.UntilAsync(async () => (await throttle.CheckAsync(CancellationToken.None))?.Signal == signal);

    [GeneratedRegex(@"\((GRANT .*)\), or leave")]
    private static partial Regex Grants();
}
