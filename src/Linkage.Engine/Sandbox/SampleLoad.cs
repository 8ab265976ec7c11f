using Dapper;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>Loads sample data: in one transaction, with the functions that make it, while triggers stay silent; then it is vacuumed.</summary>
internal static class SampleLoad
{
    /// <summary>Loads it.</summary>
    /// <param name="connection">An open connection of a superuser, outside any transaction.</param>
    /// <param name="tables">Those that it fills, as VACUUM takes them: vacuumed too, lest autovacuum comes to do it while somebody measures.</param>
    /// <param name="fill">Creates tables where there are none, and fills them.</param>
    /// <param name="cancellation">Cancels the statement; nothing stays.</param>
    /// <exception cref="PostgresException">The role may not keep triggers silent (42501), or what filling meets.</exception>
    public static async Task<T> RunAsync<T>(NpgsqlConnection connection, string tables, Func<Task<T>> fill, CancellationToken cancellation)
    {
        T overview;
        await using (var transaction = await connection.BeginTransactionAsync(cancellation))
        {
            await ExecuteAsync("SET LOCAL work_mem = '256MB'; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL jit = off");
            await ExecuteAsync("SET LOCAL session_replication_role = replica");
            await SandboxScript.ExecuteAsync(connection, "sample_functions.sql", cancellation);
            overview = await fill();
            await SandboxScript.ExecuteAsync(connection, "sample_functions_end.sql", cancellation);
            await transaction.CommitAsync(cancellation);
        }

        await ExecuteAsync($"VACUUM (ANALYZE) {tables}");
        return overview;

        Task<int> ExecuteAsync(string sql) =>
            connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: 0, cancellationToken: cancellation));
    }

    /// <summary>Runs a script that generates data, and returns what it says it made.</summary>
    public static Task<T> GenerateAsync<T>(NpgsqlConnection connection, string file, object parameters, CancellationToken cancellation) =>
        connection.QuerySingleAsync<T>(new CommandDefinition(
            EmbeddedSql.Read($"Sandbox/{file}"), parameters, commandTimeout: 0, cancellationToken: cancellation));
}
