using Linkage.Engine.Phones;
using Npgsql;

namespace Linkage.Engine.Tests.Phones;

/// <summary>The SQL function on its own, without the installer.</summary>
public static class PhoneFunction
{
    // Far below what the time limit of a command allows, on a busy machine too.
    private const int LongestQuery = 25_000;

    public const string Resource = "Schema/Migrations/Phones/R__normalize_phone.sql";

    public static string Template()
    {
        using var stream = typeof(PhoneNumber).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    public static async Task InstallAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(PhoneSql.Render(Template()).Replace("{{app}}", "public"), connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The database with the function in it, and a connection for the caller to dispose.</summary>
    public static async Task<NpgsqlConnection> ConnectAsync(TestDatabase database)
    {
        var connection = await database.OpenAsync();
        await InstallAsync(connection);
        return connection;
    }

    /// <summary>What SQL makes of each text with its default region, in few queries.</summary>
    public static async Task<string?[]> NormalizeAsync(NpgsqlConnection connection, IReadOnlyList<(string? Text, string? Region)> inputs)
    {
        var results = new string?[inputs.Count];
        // Region by region, since the server keeps few regular expressions compiled.
        foreach (var part in Enumerable.Range(0, inputs.Count).OrderBy(i => inputs[i].Region, StringComparer.Ordinal).Chunk(LongestQuery))
        {
            await using var command = new NpgsqlCommand(
                "SELECT pg_catalog.array_agg(public.normalize_phone(x, r) ORDER BY i) "
                + "FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) "
                + "WITH ORDINALITY AS t (x, r, i)",
                connection);
            command.Parameters.Add(new() { Value = part.Select(i => inputs[i].Text).ToArray() });
            command.Parameters.Add(new() { Value = part.Select(i => inputs[i].Region).ToArray() });
            foreach (var (i, e164) in part.Zip((string?[])(await command.ExecuteScalarAsync())!))
                results[i] = e164;
        }
        return results;
    }
}
