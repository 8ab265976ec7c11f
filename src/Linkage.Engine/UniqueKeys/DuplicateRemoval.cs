using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UniqueKeys;

/// <summary>
/// Removes duplicates: what refers to them is moved to the row that stays, then they go, each with a full copy in the journal. Counts: processed
/// (groups), kept (groups of which one row stayed), removed, repointed, clashed (rows of other tables that went, since they would have had the
/// same unique key once they were re-pointed), and by table <c>moved TABLE</c> and <c>removed TABLE</c>.
/// </summary>
/// <param name="database">Where they are.</param>
public sealed class DuplicateRemoval(LinkageDatabase database)
{
    /// <summary>Removes those that are there when the run starts. What comes meanwhile is left to the next run.</summary>
    /// <param name="rule">The rule's name.</param>
    /// <param name="options">How; a batch is that many groups.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    /// <exception cref="LinkageException">
    /// There is no such rule, its table or columns are gone, the table has no key by which its rows are told apart, or another run is at work
    /// on it.
    /// </exception>
    public Task<RunResult> RunAsync(string rule, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation) =>
        new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.duplicate_removal_work(@rule)::text", new { rule })
            {
                RecordedParameters = JsonSerializer.Serialize(new { rule, options.BatchSize }),
                Supply = (session, runId) => session.ExecuteAsync("SELECT linkage.list_duplicates(@runId, @rule)", new { runId, rule }),
                Preview = (session, _) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_duplicate_removal(@rule)::text", new { rule }),
            },
            options, progress, cancellation);
}
