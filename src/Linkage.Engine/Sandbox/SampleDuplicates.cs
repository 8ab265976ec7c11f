using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>Makes the tables of <see cref="DuplicateSchema"/>, and fills them with rows that were imported twice, in a known number.</summary>
public static class SampleDuplicates
{
    /// <summary>The fewest duplicates with which no case is missing.</summary>
    public const int Minimum = 60;

    /// <summary>Generates the tables and the data, in one transaction. Triggers stay silent where messages have any.</summary>
    /// <param name="connection">An open connection of a superuser, outside any transaction.</param>
    /// <param name="duplicates">
    /// How many rows are there twice or three times, at least <see cref="Minimum"/>, spread over the tables of the six built-in rules; for each
    /// of them there are ten that are not.
    /// </param>
    /// <param name="seed">Equal seeds give equal rows, ids included.</param>
    /// <param name="cancellation">Cancels the statement; nothing stays.</param>
    /// <returns>What was made.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer duplicates are asked for than can have every case.</exception>
    /// <exception cref="PostgresException">
    /// The tables are there already (42P07, 42701), or the role may not keep triggers silent (42501).
    /// </exception>
    public static async Task<SampleDuplicatesOverview> FillAsync(
        NpgsqlConnection connection, int duplicates, long seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentOutOfRangeException.ThrowIfLessThan(duplicates, Minimum);

        return await SampleLoad.RunAsync(
            connection,
            """
            public.messages, public.message_attachments, public.businesses, public.business_owners, public.unified_lead_cards,
              public.campaign_queue, public.queue_events, public.skiptrace_results, public.lead_activities, public.integrations,
              public.integration_fields, public.leads, public.campaign_leads, public.properties, public.property_distress_scores,
              public.persona_phones
            """,
            async () =>
            {
                await DuplicateSchema.CreateTablesAsync(connection, cancellation);
                var overview = await SampleLoad.GenerateAsync<SampleDuplicatesOverview>(
                    connection, "sample_duplicates.sql", new { duplicates = (long)duplicates, seed }, cancellation);
                await DuplicateSchema.CreateConstraintsAsync(connection, cancellation);
                return overview;
            },
            cancellation);
    }
}
