using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// The tables <c>"Lead"</c>, <c>"Customer"</c>, <c>"CustomerAddress"</c>, <c>"Job"</c>, <c>"Conversation"</c> and <c>"Audit"</c> of an
/// application that keeps leads, in schema public. They stand by themselves, beside those of <see cref="ApplicationSchema"/> or without
/// them. None of Linkage's own objects.
/// </summary>
public static class CustomerSchema
{
    /// <summary>Creates the tables with their keys and indexes.</summary>
    /// <param name="connection">An open connection, outside any transaction, to a database that has none of them.</param>
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

    /// <summary>Whether the database has the tables.</summary>
    internal static Task<bool> ExistsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.HasTableAsync(connection, "public.\"Lead\"", cancellation);

    /// <summary>Creates the bare tables, ready to be loaded.</summary>
    internal static Task CreateTablesAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "customer_tables.sql", cancellation);

    /// <summary>Adds keys and indexes to the bare tables.</summary>
    internal static Task CreateConstraintsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "customer_constraints.sql", cancellation);
}
