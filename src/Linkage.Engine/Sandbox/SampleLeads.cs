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

        return await SampleLoad.RunAsync(
            connection,
            """
            public."Customer", public."CustomerAddress", public."Lead", public."Job", public."Conversation", public."Audit"
            """,
            async () =>
            {
                var isNew = !await CustomerSchema.ExistsAsync(connection, cancellation);
                if (isNew)
                    await CustomerSchema.CreateTablesAsync(connection, cancellation);
                var overview = await SampleLoad.GenerateAsync<SampleLeadsOverview>(
                    connection, "sample_leads.sql", new { leads = (long)leads, seed }, cancellation);
                if (isNew)
                    await CustomerSchema.CreateConstraintsAsync(connection, cancellation);
                return overview;
            },
            cancellation);
    }
}
