using Dapper;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>A server that archives and vacuums eagerly, with a replica if asked for; its tests run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class ThrottleServer : IAsyncLifetime, ICollectionFixture<ThrottleServer>
{
    public const string Name = "throttle server";

    private PostgresSandbox? _server;
    private PostgresSandbox? _replica;
    private int _databases;

    public PostgresSandbox Server => _server!;

    public async Task InitializeAsync() => _server = await PostgresSandbox.StartAsync(
        await PostgresFixture.OptionsAsync() with
        {
            Settings = new Dictionary<string, string>
            {
                ["wal_level"] = "logical",
                ["archive_mode"] = "on",
                ["archive_command"] = "true",
                ["autovacuum_naptime"] = "1",
            },
        },
        CancellationToken.None);

    /// <summary>A database of one test.</summary>
    internal async Task<ThrottleScene> CreateSceneAsync()
    {
        var name = $"test_{++_databases}";
        return await ThrottleScene.CreateAsync(new TestDatabase(Server, name, await Server.CreateDatabaseAsync(name)));
    }

    /// <summary>A superuser's connection to a streaming replica of this server, for the caller to dispose.</summary>
    public async Task<NpgsqlConnection> OpenReplicaAsync()
    {
        Skip.If(OperatingSystem.IsWindows(), "The copy of the server is made by a Unix shell.");
        _replica ??= await StartReplicaAsync();
        var settings = new NpgsqlConnectionStringBuilder(Server.ConnectionString) { Port = _replica.Port, Pooling = false };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    /// <summary>Ends the replica, so that the server has none.</summary>
    public async Task RemoveReplicaAsync()
    {
        if (_replica is not null)
            await _replica.DisposeAsync();
        _replica = null;
    }

    public async Task DisposeAsync()
    {
        await RemoveReplicaAsync();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    // Another sandbox, which is removed like any however this process ends, with a copy of this server's data in place of its own. A copy
    // of the stopped server, as not all distributions of PostgreSQL have pg_basebackup.
    private async Task<PostgresSandbox> StartReplicaAsync()
    {
        var settings = new NpgsqlConnectionStringBuilder(Server.ConnectionString) { Pooling = false };
        await using (var connection = new NpgsqlConnection(settings.ConnectionString))
        {
            await connection.OpenAsync();
            await connection.ExecuteAsync(
                $"""
                ALTER SYSTEM SET primary_conninfo =
                  'host={settings.Host} port={settings.Port} user={settings.Username} password={settings.Password} application_name=standby'
                """);
        }

        var replica = await PostgresSandbox.StartAsync(new SandboxOptions { BinDirectory = Server.BinDirectory }, CancellationToken.None);
        await replica.StopAsync();
        await Server.StopAsync();
        string[] command =
        [
            .. UnprivilegedUser.IsNeeded ? (await UnprivilegedUser.FindAsync(CancellationToken.None)).Command : [],
            "/bin/sh", "-c", "rm -r \"$2\" && cp -Rp \"$1\" \"$2\" && : >\"$2/standby.signal\"",
            "sh", Server.DataDirectory, replica.DataDirectory,
        ];
        var (exitCode, output) = await ToolRunner.RunAsync(command[0], command[1..], CancellationToken.None);
        Assert.True(exitCode == 0, output);
        await Server.RestartAsync();
        await replica.RestartAsync();
        return replica;
    }
}
