using Linkage.Engine.Phones;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Phones;

/// <summary>The SQL functions on their own, without the installer.</summary>
public static class PhoneFunction
{
    /// <summary>The scripts, with their tokens.</summary>
    public static IReadOnlyList<string> Templates() =>
        [.. Migration.All.Where(m => m is { Component: "Phones", Kind: MigrationKind.Repeatable }).Select(m => m.Template)];

    public static async Task InstallAsync(NpgsqlConnection connection)
    {
        var scripts = Templates().Select(t => PhoneSql.Render(t).Replace("{{app}}", "public", StringComparison.Ordinal));
        await using var command = new NpgsqlCommand($"CREATE SCHEMA linkage; {string.Join('\n', scripts)}", connection);
        await command.ExecuteNonQueryAsync();
    }
}
