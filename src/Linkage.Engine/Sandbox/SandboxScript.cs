using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>Runs the sandbox's .sql files, however long they take.</summary>
internal static class SandboxScript
{
    public static async Task ExecuteAsync(NpgsqlConnection connection, string file, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(EmbeddedSql.Read($"Sandbox/{file}"), connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>Whether the database has a table.</summary>
    public static async Task<bool> HasTableAsync(NpgsqlConnection connection, string table, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("SELECT to_regclass($1) IS NOT NULL", connection);
        command.Parameters.AddWithValue(table);
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }
}
