using Npgsql;

namespace Linkage.Engine.Tests.Phones;

/// <summary>A database with the SQL functions of phones, asked about many texts at once.</summary>
public static class PhoneDatabase
{
    // Far below what the time limit of a command allows, on a busy machine too.
    private const int LongestQuery = 25_000;

    /// <summary>The database with the functions in it, and a connection for the caller to dispose.</summary>
    public static async Task<NpgsqlConnection> ConnectAsync(TestDatabase database)
    {
        var connection = await database.OpenAsync();
        await PhoneFunction.InstallAsync(connection);
        return connection;
    }

    /// <summary>What <c>normalize_phone</c> makes of each text with its default region.</summary>
    public static Task<string?[]> NormalizeAsync(NpgsqlConnection connection, IReadOnlyList<(string? Text, string? Region)> inputs) =>
        MapAsync<string?>(connection, "public.normalize_phone(x, r)", inputs);

    /// <summary>What an expression of a text <c>x</c> and a default region <c>r</c> gives for each of them, in few queries.</summary>
    public static async Task<T[]> MapAsync<T>(
        NpgsqlConnection connection, string expression, IReadOnlyList<(string? Text, string? Region)> inputs)
    {
        var results = new T[inputs.Count];
        // Region by region, since the server keeps few regular expressions compiled.
        foreach (var part in Enumerable.Range(0, inputs.Count).OrderBy(i => inputs[i].Region, StringComparer.Ordinal).Chunk(LongestQuery))
        {
            await using var command = new NpgsqlCommand(
                $"SELECT pg_catalog.array_agg({expression} ORDER BY i) "
                + "FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) "
                + "WITH ORDINALITY AS t (x, r, i)",
                connection);
            command.Parameters.Add(new() { Value = part.Select(i => inputs[i].Text).ToArray() });
            command.Parameters.Add(new() { Value = part.Select(i => inputs[i].Region).ToArray() });
            await using var reader = await command.ExecuteReaderAsync();
            await reader.ReadAsync();
            foreach (var (i, result) in part.Zip(await reader.GetFieldValueAsync<T[]>(0)))
                results[i] = result;
        }
        return results;
    }
}
