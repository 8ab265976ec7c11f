using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// The table <c>auth.users</c> as a well-known authentication server, that of Supabase, creates it: who can sign in. It stands by itself,
/// beside whatever table of profiles an application has. None of Linkage's own objects.
/// </summary>
public static class AuthenticationSchema
{
    /// <summary>Creates the table with its keys and indexes, and the schema where there is none.</summary>
    /// <param name="connection">An open connection, outside any transaction, to a database that has no such table.</param>
    /// <param name="cancellation">Cancels the statement.</param>
    /// <exception cref="PostgresException">The table exists already; then nothing was created.</exception>
    public static async Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(connection);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await CreateTablesAsync(connection, cancellation);
        await CreateConstraintsAsync(connection, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Whether the database has the table.</summary>
    internal static Task<bool> ExistsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.HasTableAsync(connection, "auth.users", cancellation);

    /// <summary>Creates the bare table, ready to be loaded.</summary>
    internal static Task CreateTablesAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "authentication_tables.sql", cancellation);

    /// <summary>Adds keys, indexes and row-level security to the bare table.</summary>
    internal static Task CreateConstraintsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "authentication_constraints.sql", cancellation);
}
