using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// The tables of the application that the sandbox imitates: <c>users</c>, <c>events</c>, <c>event_guests</c>, <c>messages</c>,
/// <c>message_deliveries</c> and the function <c>upsert_message_delivery</c>, in schema public. None of Linkage's own objects.
/// </summary>
public static class ApplicationSchema
{
    /// <summary>Creates the tables with their keys and indexes.</summary>
    /// <param name="connection">An open connection to a database that has none of them.</param>
    /// <param name="cancellation">Cancels the statement.</param>
    /// <exception cref="PostgresException">One of the tables exists already; then nothing was created.</exception>
    public static async Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(connection);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await CreateTablesAsync(connection, cancellation);
        await CreateConstraintsAsync(connection, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Whether the database has the application's tables.</summary>
    internal static Task<bool> ExistsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.HasTableAsync(connection, "public.message_deliveries", cancellation);

    /// <summary>Creates the bare tables, ready to be loaded.</summary>
    internal static Task CreateTablesAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "application_tables.sql", cancellation);

    /// <summary>Adds keys, indexes and the function to the bare tables.</summary>
    internal static Task CreateConstraintsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "application_constraints.sql", cancellation);
}
