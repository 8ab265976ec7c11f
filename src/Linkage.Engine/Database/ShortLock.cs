using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// Transactions that need a strong lock on a table in use. They wait for it briefly only, since whoever comes after waits behind them,
/// and try again.
/// </summary>
internal static class ShortLock
{
    /// <summary>How long one attempt waits for a lock.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int Attempts = 30;

    /// <summary>Runs work in one transaction, again from its start where it did not get a lock.</summary>
    /// <param name="database">Where.</param>
    /// <param name="what">What is done, for the message.</param>
    /// <param name="work">It may be called several times.</param>
    /// <param name="waiting">Told why it waits, before each further attempt.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LinkageException">No attempt got its locks.</exception>
    public static async Task<T> TransactAsync<T>(
        LinkageDatabase database, string what, Func<DatabaseSession, Task<T>> work, Action<string>? waiting, CancellationToken cancellation)
    {
        var options = TransactionOptions.ReadWrite with { LockTimeout = Patience };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await database.TransactAsync(options, work, cancellation);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                if (attempt == Attempts)
                {
                    throw new LinkageException(
                        "Linkage.Schema.TableBusy",
                        FaultKind.Busy,
                        $"{what} did not get its short lock in {Attempts} attempts: a long transaction uses the table "
                        + "(pg_stat_activity shows it by its xact_start). What was done before stands; run it again in a quieter moment.",
                        e);
                }

                waiting?.Invoke($"{what} waits for a table in use (attempt {attempt} of {Attempts}).");
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1000)), cancellation);
            }
        }
    }

    /// <inheritdoc cref="TransactAsync{T}"/>
    public static Task TransactAsync(
        LinkageDatabase database, string what, Func<DatabaseSession, Task> work, Action<string>? waiting, CancellationToken cancellation) =>
        TransactAsync(
            database,
            what,
            async session =>
            {
                await work(session);
                return true;
            },
            waiting,
            cancellation);
}
