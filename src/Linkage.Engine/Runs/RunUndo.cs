using System.Text.Json;
using Linkage.Engine.Database;

namespace Linkage.Engine.Runs;

/// <summary>Undoes any run, whatever its capability: each run keeps in <c>linkage.run.undo</c> how.</summary>
/// <param name="database">Where the run is.</param>
public sealed class RunUndo(LinkageDatabase database)
{
    /// <summary>
    /// Puts back what a run changed and nobody has changed since. It is itself a run. An undo that was interrupted goes on where it
    /// stopped; one that met conflicts tries just those again.
    /// </summary>
    /// <param name="runId">The run to undo.</param>
    /// <param name="allowRelink">Whether what is undone may be linked again at once.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches; the undo can go on later.</param>
    /// <exception cref="LinkageException">There is no such run, it is undone already or changed nothing, or its target is held.</exception>
    public async Task<RunResult> UndoAsync(
        Guid runId, bool allowRelink, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var engine = new RunEngine(database);
        if (options.Mode == RunMode.Apply && await UnfinishedUndoAsync(runId, cancellation) is { } unfinished)
        {
            try
            {
                return await engine.ResumeAsync(unfinished, options, progress, cancellation);
            }
            catch (LinkageException fault) when (fault.ErrorId == ServerFaults.WrongState)
            {
                // Another session finished it meanwhile. What it left is for a new one.
            }
        }

        var walkOptions = JsonSerializer.Serialize(new { relink = allowRelink });
        var work = new RunWork("SELECT linkage.undo_work(@runId, @walkOptions::jsonb)::text", new { runId, walkOptions })
        {
            Undoes = runId,
            RecordedParameters = JsonSerializer.Serialize(new { runId, allowRelink }),
        };
        return await engine.RunAsync(work, options, progress, cancellation);
    }

    private Task<Guid?> UnfinishedUndoAsync(Guid runId, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleOrDefaultAsync<Guid?>(
                """
                SELECT r.id
                FROM linkage.run r
                WHERE r.undoes = @runId AND NOT r.dry_run AND r.status IN ('running', 'suspended', 'interrupted', 'stopped', 'failed')
                ORDER BY r.id DESC
                LIMIT 1
                """,
                new { runId }),
            cancellation);
}
