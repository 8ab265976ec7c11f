using Npgsql;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// Fills the tables of <see cref="ApplicationSchema"/>, and that of <see cref="AuthenticationSchema"/> if asked to, with data that has the
/// ills of real systems, each in a known number.
/// </summary>
public static class SampleData
{
    /// <summary>
    /// Generates the data, and the tables where there are none, in one transaction. Where the tables exist, their triggers stay silent, so
    /// that an installed Linkage does not heal the ills at once.
    /// </summary>
    /// <param name="connection">An open connection of a superuser, outside any transaction.</param>
    /// <param name="options">How much, from which seed.</param>
    /// <param name="cancellation">Cancels the statement; nothing stays.</param>
    /// <returns>What was made.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No delivery is asked for, or a share is not one of 0 to 1.</exception>
    /// <exception cref="PostgresException">
    /// The rows of this seed are there already (23505), or the role may not keep triggers silent (42501).
    /// </exception>
    public static async Task<SampleDataOverview> FillAsync(
        NpgsqlConnection connection, SampleDataOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Deliveries, 1);
        ThrowIfNotShare(options.LinkableShare, nameof(options.LinkableShare));
        ThrowIfNotShare(options.PhoneShare, nameof(options.PhoneShare));

        return await SampleLoad.RunAsync(
            connection,
            "public.users, public.events, public.event_guests, public.messages, public.message_deliveries"
            + (options.Accounts ? ", auth.users" : ""),
            async () =>
            {
                var isApplicationNew = !await ApplicationSchema.ExistsAsync(connection, cancellation);
                var isAuthenticationNew = options.Accounts && !await AuthenticationSchema.ExistsAsync(connection, cancellation);
                if (isApplicationNew)
                    await ApplicationSchema.CreateTablesAsync(connection, cancellation);
                if (isAuthenticationNew)
                    await AuthenticationSchema.CreateTablesAsync(connection, cancellation);
                var overview = await GenerateAsync(connection, options, cancellation);
                if (isApplicationNew)
                    await ApplicationSchema.CreateConstraintsAsync(connection, cancellation);
                if (isAuthenticationNew)
                    await AuthenticationSchema.CreateConstraintsAsync(connection, cancellation);
                return overview;
            },
            cancellation);
    }

    private static async Task<SampleDataOverview> GenerateAsync(
        NpgsqlConnection connection, SampleDataOptions options, CancellationToken cancellation)
    {
        var overview = await SampleLoad.GenerateAsync<SampleDataOverview>(
            connection,
            "sample_data.sql",
            new
            {
                deliveries = (long)options.Deliveries,
                seed = options.Seed,
                linkable = options.LinkableShare,
                phones = options.PhoneShare,
            },
            cancellation);
        if (!options.Accounts)
            return overview;
        var accounts = await SampleLoad.GenerateAsync<SampleAccountsOverview>(
            connection, "sample_accounts.sql", new { seed = options.Seed }, cancellation);
        return overview with { Accounts = accounts };
    }

    private static void ThrowIfNotShare(double value, string name)
    {
        if (value is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(name, value, "A share is a number from 0 to 1.");
    }
}
