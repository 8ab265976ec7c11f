using System.Collections.Concurrent;
using Linkage.Engine.Database;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests;

/// <summary>
/// One PostgreSQL for all tests of this process, started by the first one that needs it and removed when the process ends. Each test takes a
/// database of its own: <c>await using var database = await PostgresFixture.CreateDatabaseAsync();</c>
/// </summary>
/// <remarks>
/// The variable LINKAGE_TEST_PG picks the server: a major version (<c>15</c>), a folder of programs, or <c>npm</c> for the downloaded one.
/// </remarks>
public static class PostgresFixture
{
    private static readonly Lazy<Task<PostgresSandbox>> _server = new(StartAsync);
    private static readonly Lazy<Task<string>> _schemaTemplate = new(CreateSchemaTemplateAsync);
    private static readonly Lazy<Task<string>> _linkedTemplate = new(CreateLinkedTemplateAsync);
    private static readonly ConcurrentDictionary<SampleDataOptions, Lazy<Task<string>>> _sampleTemplates = new();
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> _filledTemplates = new();
    private static int _databases;

    /// <summary>The server that all tests share: fault tests start one of their own.</summary>
    public static Task<PostgresSandbox> ServerAsync() => _server.Value;

    /// <summary>What LINKAGE_TEST_PG asks for, as options for tests that start a server of their own.</summary>
    public static async Task<SandboxOptions> OptionsAsync()
    {
        var wanted = Environment.GetEnvironmentVariable("LINKAGE_TEST_PG");
        if (string.IsNullOrEmpty(wanted))
            return new SandboxOptions();
        if (int.TryParse(wanted, out var version))
            return new SandboxOptions { Version = version };
        return wanted == "npm"
            ? new SandboxOptions { BinDirectory = (await PostgresBinaries.DownloadAsync(null, CancellationToken.None)).BinDirectory }
            : new SandboxOptions { BinDirectory = wanted };
    }

    /// <summary>A database without any table.</summary>
    public static Task<TestDatabase> CreateEmptyDatabaseAsync() => CreateAsync(template: null);

    /// <summary>A database with the application's tables, all empty.</summary>
    public static async Task<TestDatabase> CreateDatabaseAsync() => await CreateAsync(await _schemaTemplate.Value);

    /// <summary>A database with the application's tables, all empty, and Linkage installed: see <see cref="LinkedDatabase"/>.</summary>
    internal static async Task<TestDatabase> CreateLinkedDatabaseAsync() => await CreateAsync(await _linkedTemplate.Value);

    /// <summary>A database that was filled once for all tests that ask for that key, and is copied for each.</summary>
    internal static async Task<TestDatabase> CreateFilledDatabaseAsync(string key, Func<string, Task> fill) =>
        await CreateAsync(await _filledTemplates.GetOrAdd(key, _ => new(() => CreateFilledTemplateAsync(fill))).Value);

    /// <summary>A database with the application's tables and so many deliveries; equal ones are generated once and then copied.</summary>
    public static Task<TestDatabase> CreateSampleDatabaseAsync(int deliveries) =>
        CreateSampleDatabaseAsync(new SampleDataOptions { Deliveries = deliveries });

    /// <inheritdoc cref="CreateSampleDatabaseAsync(int)"/>
    public static async Task<TestDatabase> CreateSampleDatabaseAsync(SampleDataOptions options) =>
        await CreateAsync(await _sampleTemplates.GetOrAdd(options, key => new(() => CreateSampleTemplateAsync(key))).Value);

    private static async Task<TestDatabase> CreateAsync(string? template)
    {
        var server = await ServerAsync();
        var name = $"test_{Interlocked.Increment(ref _databases)}";
        // The sandbox's superuser is called linkage: its default path would find schema linkage before public.
        var settings = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync(name, template)) { SearchPath = "public" };
        return new TestDatabase(server, name, settings.ConnectionString);
    }

    private static async Task<PostgresSandbox> StartAsync() =>
        await PostgresSandbox.StartAsync(await OptionsAsync(), CancellationToken.None);

    private static async Task<string> CreateSchemaTemplateAsync()
    {
        const string Name = "template_schema";
        var settings = await CreateTemplateAsync(Name, template: null);
        await using var connection = new NpgsqlConnection(settings);
        await connection.OpenAsync();
        await ApplicationSchema.CreateAsync(connection, CancellationToken.None);
        return Name;
    }

    private static async Task<string> CreateLinkedTemplateAsync()
    {
        const string Name = "template_linked";
        var settings = await CreateTemplateAsync(Name, await _schemaTemplate.Value);
        await using var database = await LinkageDatabase.OpenAsync(settings, CancellationToken.None);
        await LinkedDatabase.InstallAsync(database);
        return Name;
    }

    private static async Task<string> CreateSampleTemplateAsync(SampleDataOptions options)
    {
        var name = $"template_sample_{Interlocked.Increment(ref _databases)}";
        await using var connection = new NpgsqlConnection(await CreateTemplateAsync(name, template: null));
        await connection.OpenAsync();
        await SampleData.FillAsync(connection, options, CancellationToken.None);
        return name;
    }

    private static async Task<string> CreateFilledTemplateAsync(Func<string, Task> fill)
    {
        var name = $"template_filled_{Interlocked.Increment(ref _databases)}";
        await fill(await CreateTemplateAsync(name, template: null));
        return name;
    }

    // Nobody may be connected to a template while it is copied, hence no pool.
    private static async Task<string> CreateTemplateAsync(string name, string? template)
    {
        var server = await ServerAsync();
        var settings = await server.CreateDatabaseAsync(name, template);
        return new NpgsqlConnectionStringBuilder(settings) { Pooling = false }.ConnectionString;
    }
}
