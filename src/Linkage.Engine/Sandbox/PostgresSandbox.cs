using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// A throwaway PostgreSQL server, reachable on the loopback address only and by a random password. Disposing it stops the server and
/// removes its data. So does the end of the process that started it, also one by <c>kill -9</c>.
/// </summary>
public sealed class PostgresSandbox : IAsyncDisposable
{
    // A superuser: tests make roles of less privilege themselves. Not one called linkage, whose search_path would begin with the schema of
    // that name, so that psql would show and call the engine's own functions instead of the published ones.
    private const string Role = "postgres";
    private const int PortTries = 5;

    private static readonly TimeSpan _sharedMemoryLimit = TimeSpan.FromSeconds(10);

    private readonly Supervisor _supervisor;
    private readonly string _password;
    // The pipe to the supervisor must not close because a caller kept only the connection string and this object was collected.
    private GCHandle _root;
    private int _disposed;

    private PostgresSandbox(Supervisor supervisor, PostgresBinaries binaries, SandboxOptions options)
    {
        _supervisor = supervisor;
        _password = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        BinDirectory = binaries.BinDirectory;
        Database = options.Database;
        _root = GCHandle.Alloc(this);
    }

    /// <summary>The connection string of <see cref="Database"/>, in Npgsql's form, with a superuser's role and password.</summary>
    public string ConnectionString => ConnectionStringOf(Database);

    /// <summary>The address that the server listens on, 127.0.0.1.</summary>
    public string Host { get; } = IPAddress.Loopback.ToString();

    /// <summary>The port that the server listens on.</summary>
    public int Port { get; private set; }

    /// <summary>The database that was created at the start.</summary>
    public string Database { get; }

    /// <summary>The version of the server, such as 18.4.</summary>
    public Version ServerVersion { get; private set; } = new();

    /// <summary>The folder of the cluster's data, readable by the user that runs the server.</summary>
    public string DataDirectory => Path.Combine(_supervisor.Folder, "data");

    /// <summary>The process id of the server's first process, the postmaster; it changes with <see cref="RestartAsync"/>.</summary>
    public int ProcessId { get; private set; }

    /// <summary>The folder of the programs that run.</summary>
    public string BinDirectory { get; }

    /// <summary>What <see cref="SandboxOptions.SampleDeliveries"/> asked for, or null if that was 0.</summary>
    public SampleDataOverview? SampleData { get; private set; }

    /// <summary>What <see cref="SandboxOptions.SampleLeads"/> asked for, or null if that was 0.</summary>
    public SampleLeadsOverview? SampleLeads { get; private set; }

    /// <summary>What <see cref="SandboxOptions.SampleDuplicates"/> asked for, or null if that was 0.</summary>
    public SampleDuplicatesOverview? SampleDuplicates { get; private set; }

    /// <summary>Starts a server, creates its database and fills it if the options say so.</summary>
    /// <param name="options">What to start.</param>
    /// <param name="cancellation">Cancels the start; whatever was made is removed.</param>
    /// <exception cref="SandboxException">There is no PostgreSQL to be had, or it does not start; the message holds its log.</exception>
    public static async Task<PostgresSandbox> StartAsync(SandboxOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        var binaries = await PostgresBinaries.FindAsync(options.BinDirectory, options.Version, cancellation);
        var parent = Path.GetFullPath(options.ParentDirectory ?? Path.GetTempPath()).TrimEnd(Path.DirectorySeparatorChar);
        var supervisor = await Supervisor.StartAsync(binaries, parent, cancellation);
        var sandbox = new PostgresSandbox(supervisor, binaries, options);
        try
        {
            await sandbox.InitializeAsync(options, cancellation);
            await sandbox.StartOnFreePortAsync(cancellation);
            await sandbox.CreateDatabaseAsync(options.Database, cancellation: cancellation);
            if (options.SampleDeliveries > 0 || options.SampleLeads > 0 || options.SampleDuplicates > 0)
                await sandbox.FillAsync(options, cancellation);
            return sandbox;
        }
        catch
        {
            await sandbox.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the server in fast mode: sessions end, the data is written. Does nothing if it is not running.</summary>
    /// <param name="cancellation">Gives up waiting.</param>
    public Task StopAsync(CancellationToken cancellation = default) =>
        _supervisor.OrderAsync("stop", "The sandbox's server can't be stopped", cancellation);

    /// <summary>
    /// Kills all processes of the server without any warning, as when its machine fails. Meaningful with
    /// <see cref="SandboxOptions.Durable"/>.
    /// </summary>
    /// <param name="cancellation">Gives up waiting.</param>
    public Task KillAsync(CancellationToken cancellation = default) =>
        _supervisor.OrderAsync("kill", "The sandbox's server can't be killed", cancellation);

    /// <summary>Starts the server again on the same data and port, after stopping it if it runs.</summary>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <exception cref="SandboxException">The server does not start; the message holds its log.</exception>
    public async Task RestartAsync(CancellationToken cancellation = default)
    {
        await StopAsync(cancellation);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_sharedMemoryLimit);
        while (true)
        {
            try
            {
                await StartOnPortAsync(Port, cancellation);
                return;
            }
            catch (SandboxException e)
                when (!limit.IsCancellationRequested && e.Message.Contains("shared memory block", StringComparison.Ordinal))
            {
                // Processes that were killed a moment ago are still being taken apart by the operating system.
                await Task.Delay(50, cancellation);
            }
        }
    }

    /// <summary>Creates a further database on this server.</summary>
    /// <param name="name">Its name, taken literally.</param>
    /// <param name="template">The database to copy, to which nobody may be connected; null gives an empty one.</param>
    /// <param name="cancellation">Cancels the statement.</param>
    /// <returns>The connection string of the new database.</returns>
    /// <exception cref="PostgresException">The name is taken, or somebody is connected to the template.</exception>
    public async Task<string> CreateDatabaseAsync(string name, string? template = null, CancellationToken cancellation = default)
    {
        await AdministerAsync($"CREATE DATABASE {Quoted(name)} TEMPLATE {Quoted(template ?? "template0")}", cancellation);
        return ConnectionStringOf(name);
    }

    /// <summary>Drops a database of this server, ending the sessions that are connected to it. Does nothing if there is none.</summary>
    /// <param name="name">Its name, taken literally.</param>
    /// <param name="cancellation">Cancels the statement.</param>
    public Task DropDatabaseAsync(string name, CancellationToken cancellation = default) =>
        AdministerAsync($"DROP DATABASE IF EXISTS {Quoted(name)} WITH (FORCE)", cancellation);

    /// <summary>Stops the server and removes its data.</summary>
    /// <exception cref="SandboxException">The data could not be removed.</exception>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        _root.Free();
        await _supervisor.DisposeAsync();
    }

    private async Task InitializeAsync(SandboxOptions options, CancellationToken cancellation)
    {
        const string OnFailure = "The sandbox's cluster can't be created";
        await _supervisor.OrderAsync($"password {_password}", OnFailure, cancellation);
        await _supervisor.OrderAsync(
            $"init --username={Role} --auth=scram-sha-256 --encoding=UTF8 --locale={options.Locale} --no-sync", OnFailure, cancellation);
        foreach (var (name, value) in SandboxSettings.For(options))
            await _supervisor.OrderAsync($"setting {SandboxSettings.Line(name, value)}", OnFailure, cancellation);
    }

    // A port that is free now can be taken before the server listens on it.
    private async Task StartOnFreePortAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await StartOnPortAsync(FreePort(), cancellation);
                break;
            }
            catch (SandboxException e) when (attempt < PortTries && e.Message.Contains("could not bind", StringComparison.Ordinal))
            {
            }
        }
        await using var connection = new NpgsqlConnection(UnpooledConnectionStringOf("postgres"));
        await connection.OpenAsync(cancellation);
        ServerVersion = connection.PostgreSqlVersion;
    }

    private async Task StartOnPortAsync(int port, CancellationToken cancellation)
    {
        var processId = await _supervisor.OrderAsync($"start {port}", "The sandbox's server does not start", cancellation);
        ProcessId = int.Parse(processId, CultureInfo.InvariantCulture);
        Port = port;
    }

    private async Task FillAsync(SandboxOptions options, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(UnpooledConnectionStringOf(Database));
        await connection.OpenAsync(cancellation);
        if (options.SampleDeliveries > 0)
        {
            SampleData = await Sandbox.SampleData.FillAsync(
                connection,
                new SampleDataOptions { Deliveries = options.SampleDeliveries, Seed = options.Seed, Accounts = options.SampleAccounts },
                cancellation);
        }

        if (options.SampleLeads > 0)
            SampleLeads = await Sandbox.SampleLeads.FillAsync(connection, options.SampleLeads, options.Seed, cancellation);
        if (options.SampleDuplicates > 0)
            SampleDuplicates = await Sandbox.SampleDuplicates.FillAsync(connection, options.SampleDuplicates, options.Seed, cancellation);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task AdministerAsync(string statement, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(UnpooledConnectionStringOf("postgres"));
        await connection.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand(statement, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static string Quoted(string identifier) => "\"" + identifier.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private string ConnectionStringOf(string database) => ConnectionStringBuilderOf(database).ConnectionString;

    private string UnpooledConnectionStringOf(string database)
    {
        var builder = ConnectionStringBuilderOf(database);
        builder.Pooling = false;
        return builder.ConnectionString;
    }

    private NpgsqlConnectionStringBuilder ConnectionStringBuilderOf(string database) => new()
    {
        Host = Host,
        Port = Port,
        Database = database,
        Username = Role,
        Password = _password,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
    };
}
