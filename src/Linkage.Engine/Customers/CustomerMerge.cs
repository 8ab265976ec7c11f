using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Customers;

/// <summary>
/// Merges customers into one: every row that refers to them moves, in one transaction. Counts: merged, moved, removed (rows that clashed),
/// filled (values that the survivor lacked), and by table <c>moved TABLE</c> and <c>removed TABLE</c>.
/// </summary>
/// <param name="database">Where they are.</param>
public sealed class CustomerMerge(LinkageDatabase database)
{
    /// <summary>What becomes of rows that would clash in a unique key, as <c>linkage.customer_merge_work</c> knows them.</summary>
    public static IReadOnlyList<string> Policies { get; } = ["KeepSurvivor", "KeepNewest", "Fail"];

    /// <summary>Merges them.</summary>
    /// <param name="from">Those that go.</param>
    /// <param name="into">The one that stays.</param>
    /// <param name="policy">One of <see cref="Policies"/>.</param>
    /// <param name="options">How; it is one batch whatever its size.</param>
    /// <param name="progress">Told when it is done.</param>
    /// <param name="cancellation">Leaves everything as it was.</param>
    /// <exception cref="LinkageException">
    /// A customer is unknown or was merged already, rows clash, or something keeps them from being moved.
    /// </exception>
    public Task<RunResult> RunAsync(
        IReadOnlyList<string> from, string into, string policy, RunOptions options, Action<RunProgress> progress,
        CancellationToken cancellation)
    {
        var merged = from.ToArray();
        return new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.customer_merge_work(@merged::text[], @into, @policy)::text", new { merged, into, policy })
            {
                RecordedParameters = JsonSerializer.Serialize(new { from = merged, into, onConflict = policy }),
                Preview = (session, work) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_single_batch(@work::jsonb)::text", new { work }),
            },
            options with { BatchSize = 1 }, progress, cancellation);
    }
}
