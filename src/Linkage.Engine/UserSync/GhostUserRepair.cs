using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserSync;

/// <summary>An account of a list that can't be used.</summary>
/// <param name="AccountId">As it stood in the list.</param>
/// <param name="Problem">Why.</param>
public sealed record UnusableAccount(string AccountId, string Problem);

/// <summary>
/// Gives ghost users their profiles. Counts: processed, repaired, skipped (no ghost any more), failed_accounts (can't be repaired; the
/// journal has the reason).
/// </summary>
/// <param name="database">Where they are.</param>
public sealed class GhostUserRepair(LinkageDatabase database)
{
    /// <summary>Which ids of a list are no ids of accounts; empty if all can be used.</summary>
    /// <param name="accountIds">The accounts.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public async Task<IReadOnlyList<UnusableAccount>> FindUnusableAsync(
        IReadOnlyList<string> accountIds, CancellationToken cancellation)
    {
        var found = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<(long Ordinal, string Problem)>(
                "SELECT u.ordinal, u.problem FROM linkage.unusable_accounts(@accounts::text[]) u ORDER BY u.ordinal",
                new { accounts = accountIds.ToArray() }),
            cancellation);
        return [.. found.Select(f => new UnusableAccount(accountIds[(int)f.Ordinal - 1], f.Problem))];
    }

    /// <summary>Repairs ghosts, each once.</summary>
    /// <param name="accountIds">Which; null for all that there are when the run starts.</param>
    /// <param name="options">How; a batch is that many accounts.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    public Task<RunResult> RunAsync(
        IReadOnlyList<string>? accountIds, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var accounts = accountIds?.ToArray();
        return new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.ghost_repair_work()::text")
            {
                RecordedParameters = JsonSerializer.Serialize(new { accounts = accounts?.Length, options.BatchSize }),
                Supply = (session, runId) => session.ExecuteAsync(
                    "SELECT linkage.list_ghosts(@runId, @accounts::text[])", new { runId, accounts }),
                Preview = (session, _) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_ghosts(@accounts::text[])::text", new { accounts }),
            },
            options, progress, cancellation);
    }
}
