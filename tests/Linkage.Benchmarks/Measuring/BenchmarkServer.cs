using Linkage.Engine.Database;
using Linkage.Engine.Sandbox;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Benchmarks.Measuring;

/// <summary>
/// A PostgreSQL of its own that keeps its promises to the disk, with a template of data and an installed Linkage. Every contender
/// gets a fresh copy of it, in the same state of caches, vacuum and checkpoint.
/// </summary>
internal sealed class BenchmarkServer : IAsyncDisposable
{
    public const string Template = "template_data";

    // Nothing that comes and goes by itself: no autovacuum, no checkpoint but those between contenders. Compiling (JIT) helps nobody here.
    private static readonly Dictionary<string, string> _settings = new()
    {
        ["shared_buffers"] = "1GB",
        ["max_wal_size"] = "16GB",
        ["checkpoint_timeout"] = "1h",
        ["autovacuum"] = "off",
        ["jit"] = "off",
    };

    private readonly PostgresSandbox _sandbox;
    private int _copies;

    private BenchmarkServer(PostgresSandbox sandbox) => _sandbox = sandbox;

    public Version Version => _sandbox.ServerVersion;

    /// <summary>What the sample data is, if there is any.</summary>
    public SampleDataOverview Data => _sandbox.SampleData!;

    /// <summary>Sample data, and all of Linkage that fits it.</summary>
    public static Task<BenchmarkServer> StartAsync(int deliveries) =>
        StartAsync(new SandboxOptions { SampleDeliveries = deliveries }, _ => Task.CompletedTask, []);

    /// <summary>Data of a benchmark's own, and those components of Linkage.</summary>
    public static Task<BenchmarkServer> StartAsync(Func<NpgsqlConnection, Task> load, params string[] components) =>
        StartAsync(new SandboxOptions(), load, components);

    private static async Task<BenchmarkServer> StartAsync(SandboxOptions data, Func<NpgsqlConnection, Task> load, string[] components)
    {
        var sandbox = await PostgresSandbox.StartAsync(
            data with { Durable = true, Settings = _settings, Database = Template }, CancellationToken.None);
        var server = new BenchmarkServer(sandbox);
        try
        {
            await using (var connection = new NpgsqlConnection(server.ConnectionStringOf(Template)))
            {
                await connection.OpenAsync();
                await load(connection);
            }

            await using (var database = await LinkageDatabase.OpenAsync(sandbox.ConnectionString, CancellationToken.None))
            {
                var installer = new SchemaInstaller(database);
                var plan = await installer.PlanAsync(components, CancellationToken.None);
                await installer.ApplyAsync(plan, _ => { }, null, CancellationToken.None);
            }

            await server.VacuumAsync(Template);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A fresh copy of a database of this server, ready to be measured.</summary>
    public async Task<BenchmarkDatabase> CopyAsync(string template)
    {
        var name = $"copy_{++_copies}";
        // As files, so that the copy goes past the log and the server's cache; before 15 there is no other way.
        var strategy = Version.Major >= 15 ? " STRATEGY file_copy" : "";
        await ExecuteAsync("postgres", $"CREATE DATABASE {name} TEMPLATE {template}{strategy}");
        var database = await BenchmarkDatabase.OpenAsync(ConnectionStringOf(name), _sandbox.ProcessId);
        await database.WarmAsync();
        return database;
    }

    /// <summary>Makes a database a template: vacuumed, with statistics.</summary>
    public async Task VacuumAsync(string database)
    {
        await ExecuteAsync(database, "VACUUM (FREEZE, ANALYZE)");
        await ExecuteAsync(database, "CHECKPOINT");
    }

    /// <summary>Renames a database that nobody is connected to.</summary>
    public Task RenameAsync(string name, string newName) => ExecuteAsync("postgres", $"ALTER DATABASE {name} RENAME TO {newName}");

    public Task DropAsync(BenchmarkDatabase database) => ExecuteAsync("postgres", $"DROP DATABASE {database.Name} WITH (FORCE)");

    public ValueTask DisposeAsync() => _sandbox.DisposeAsync();

    private string ConnectionStringOf(string database) =>
        new NpgsqlConnectionStringBuilder(_sandbox.ConnectionString) { Database = database, CommandTimeout = 0, Pooling = false }
            .ConnectionString;

    private async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionStringOf(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
