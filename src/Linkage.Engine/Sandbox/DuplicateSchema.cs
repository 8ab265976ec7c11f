using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// The tables of an application that imports <c>messages</c>, <c>businesses</c>, <c>unified_lead_cards</c>, <c>campaign_queue</c>,
/// <c>skiptrace_results</c> and <c>lead_activities</c>, those that refer to them, and those whose keys are expected to be there already, in
/// schema public. They stand beside those of <see cref="ApplicationSchema"/>, whose <c>messages</c> they share, or without them. None of
/// Linkage's own objects.
/// </summary>
public static class DuplicateSchema
{
    /// <summary>Creates the tables with their keys and indexes.</summary>
    /// <param name="connection">An open connection, outside any transaction, to a database that has none of them but messages.</param>
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

    /// <summary>Creates the bare tables, ready to be loaded.</summary>
    internal static Task CreateTablesAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "duplicate_tables.sql", cancellation);

    /// <summary>Adds keys and indexes to the bare tables.</summary>
    internal static Task CreateConstraintsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SandboxScript.ExecuteAsync(connection, "duplicate_constraints.sql", cancellation);
}
