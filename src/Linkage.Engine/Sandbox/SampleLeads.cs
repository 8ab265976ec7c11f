using Dapper;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>Fills the tables of <see cref="CustomerSchema"/> with data that has the ills of real systems, each in a known number.</summary>
public static class SampleLeads
{
    /// <summary>The fewest leads that can have every ill.</summary>
    public const int Minimum = 200;

    /// <summary>
    /// Generates the data, and the tables where there are none, in one transaction. Triggers stay silent where there are any.
    /// </summary>
    /// <param name="connection">An open connection of a superuser, outside any transaction.</param>
    /// <param name="leads">
    /// Rows of <c>"Lead"</c>, at least <see cref="Minimum"/>; the other tables follow: a little more than one job, half a conversation and
    /// a fifth of a customer for each.
    /// </param>
    /// <param name="seed">Equal seeds give equal rows, ids included.</param>
    /// <param name="cancellation">Cancels the statement; nothing stays.</param>
    /// <returns>What was made.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer leads are asked for than can have every ill.</exception>
    /// <exception cref="PostgresException">
    /// The rows of this seed are there already (23505), or the role may not keep triggers silent (42501).
    /// </exception>
    public static async Task<SampleLeadsOverview> FillAsync(
        NpgsqlConnection connection, int leads, long seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentOutOfRangeException.ThrowIfLessThan(leads, Minimum);

        SampleLeadsOverview overview;
        await using (var transaction = await connection.BeginTransactionAsync(cancellation))
        {
            await ExecuteAsync("SET LOCAL work_mem = '256MB'; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL jit = off");
            await ExecuteAsync("SET LOCAL session_replication_role = replica");
            var isNew = !await CustomerSchema.ExistsAsync(connection, cancellation);
            if (isNew)
                await CustomerSchema.CreateTablesAsync(connection, cancellation);
            await SandboxScript.ExecuteAsync(connection, "sample_functions.sql", cancellation);
            overview = await connection.QuerySingleAsync<SampleLeadsOverview>(new CommandDefinition(
                EmbeddedSql.Read("Sandbox/sample_leads.sql"), new { leads = (long)leads, seed }, commandTimeout: 0,
                cancellationToken: cancellation));
            await SandboxScript.ExecuteAsync(connection, "sample_functions_end.sql", cancellation);
            if (isNew)
                await CustomerSchema.CreateConstraintsAsync(connection, cancellation);
            await transaction.CommitAsync(cancellation);
        }

        // Vacuumed too, lest autovacuum comes to do it while somebody measures.
        await ExecuteAsync("""
            VACUUM (ANALYZE) public."Customer", public."CustomerAddress", public."Lead", public."Job", public."Conversation", public."Audit"
            """);
        return overview;

        Task<int> ExecuteAsync(string sql) =>
            connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: 0, cancellationToken: cancellation));
    }
}
