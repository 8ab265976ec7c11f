using System.Globalization;
using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>Takes back links, by run or by time. Counts: processed, rolled_back, unchanged, conflicts.</summary>
/// <param name="database">Where the records are.</param>
public sealed class UserLinkUndo(LinkageDatabase database)
{
    /// <summary>Takes back what one run linked, as <see cref="RunUndo"/> does, but only if it linked users.</summary>
    /// <exception cref="LinkageException">The run did something else, or can't be undone.</exception>
    /// <inheritdoc cref="RunUndo.UndoAsync"/>
    public async Task<RunResult> UndoAsync(
        Guid runId, bool allowRelink, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var kind = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleOrDefaultAsync<string>(
                "SELECT r.kind FROM linkage.run r WHERE r.id = @runId AND r.undo ->> 'batch' <> 'undo_user_link_run'", new { runId }),
            cancellation);
        if (kind is not null)
        {
            throw new LinkageException(
                "Linkage.UserLinks.OtherRun", FaultKind.InvalidInput,
                $"Run {runId} ({kind}) linked no users; Undo-LinkageRun undoes any run.");
        }

        return await new RunUndo(database).UndoAsync(runId, allowRelink, options, progress, cancellation);
    }

    /// <summary>Gives every record of a target the user back that it had before a time, unless somebody else changed it since.</summary>
    /// <param name="since">The time; what happened then or later is taken back.</param>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="allowRelink">Whether what is undone may be linked again at once.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    public Task<RunResult> RunSinceAsync(
        DateTimeOffset since, string table, bool allowRelink, RunOptions options, Action<RunProgress> progress,
        CancellationToken cancellation)
    {
        var walkOptions = JsonSerializer.Serialize(new { relink = allowRelink });
        return new RunEngine(database).RunAsync(
            new RunWork(
                "SELECT linkage.undo_since_work(@since, @table, @walkOptions::jsonb)::text",
                new { since = since.UtcDateTime, table, walkOptions })
            {
                RecordedParameters = JsonSerializer.Serialize(
                    new { since = since.UtcDateTime.ToString("o", CultureInfo.InvariantCulture), table, allowRelink }),
                Preview = (session, work) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_undo_since(@work::jsonb)::text", new { work }),
            },
            options, progress, cancellation);
    }
}
