using System.Globalization;
using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>
/// Takes back links by time, those of triggers too; by run <see cref="RunUndo"/> does it. Counts: processed, rolled_back, unchanged,
/// conflicts.
/// </summary>
/// <param name="database">Where the records are.</param>
public sealed class UserLinkUndo(LinkageDatabase database)
{
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
