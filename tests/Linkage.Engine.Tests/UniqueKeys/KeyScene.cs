using Linkage.Engine.Database;
using Linkage.Engine.Sandbox;
using Linkage.Engine.Schema;
using Linkage.Engine.UniqueKeys;
using Npgsql;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>A database of one test with the tables of the usual rules, filled with duplicates or empty, and Linkage installed.</summary>
internal static class KeyScene
{
    /// <summary>All the tables, empty, and all the rules.</summary>
    public static Task<LinkedDatabase> CreateAsync() => CreateAsync("unique keys", connection =>
        DuplicateSchema.CreateAsync(connection, CancellationToken.None));

    /// <summary>The same with sample data.</summary>
    public static Task<LinkedDatabase> CreateSampleAsync(int duplicates = SampleDuplicates.Minimum) =>
        CreateAsync($"unique keys, {duplicates} duplicates", connection =>
            SampleDuplicates.FillAsync(connection, duplicates, 1, CancellationToken.None));

    /// <summary>Linkage with the component of unique keys, whatever tables there are.</summary>
    public static async Task InstallAsync(LinkageDatabase engine)
    {
        var installer = new SchemaInstaller(engine);
        await installer.ApplyAsync(
            await installer.PlanAsync(["UniqueKeys"], CancellationToken.None), _ => { }, waiting: null, CancellationToken.None);
    }

    /// <summary>A rule for a table of a test's own.</summary>
    public static async Task<UniqueKeyRule> RegisterAsync(LinkedDatabase database, UniqueKeyRequest request) =>
        (await new UniqueKeyRules(database.Engine).RegisterAsync(request, CancellationToken.None)).Rule;

    private static async Task<LinkedDatabase> CreateAsync(string key, Func<NpgsqlConnection, Task> fill)
    {
        var test = await PostgresFixture.CreateFilledDatabaseAsync(key, async settings =>
        {
            await using (var connection = new NpgsqlConnection(settings))
            {
                await connection.OpenAsync();
                await fill(connection);
            }

            await using var engine = await LinkageDatabase.OpenAsync(settings, CancellationToken.None);
            await InstallAsync(engine);
        });
        return await LinkedDatabase.OpenAsync(test);
    }
}
