using System.Globalization;
using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>The audit of user links, which is also the journal that their undo reads.</summary>
/// <param name="database">Where it is.</param>
public sealed class UserLinkAudit(LinkageDatabase database)
{
    /// <summary>The entries that the filter lets through, in time order, as they arrive.</summary>
    /// <exception cref="LinkageException">The phone is no possible number, or Linkage is not installed.</exception>
    public IAsyncEnumerable<UserLinkAuditEntry> FindAsync(UserLinkAuditFilter filter, CancellationToken cancellation) =>
        database.StreamAsync<UserLinkAuditEntry>(
            EmbeddedSql.Read("UserLinks/find_audit.sql"),
            new
            {
                filter.Tables,
                filter.Outcomes,
                filter.Rules,
                filter.Sources,
                filter.RunId,
                filter.RecordId,
                filter.EventId,
                filter.Phone,
                filter.UserId,
                Since = filter.Since?.UtcDateTime,
                Until = filter.Until?.UtcDateTime,
                filter.WithDryRuns,
                filter.First,
            },
            "Linkage Get-UserLinkAudit",
            cancellation);

    /// <summary>How often what happened, by table and outcome; dry runs don't count.</summary>
    /// <param name="since">From this time on; null from the beginning.</param>
    /// <param name="until">Before this time; null up to now.</param>
    /// <param name="tables">By the audit's own names; null for all.</param>
    /// <param name="cancellation">Cancels the query.</param>
    public Task<IReadOnlyList<UserLinkAuditMeasure>> MeasureAsync(
        DateTimeOffset? since, DateTimeOffset? until, string[]? tables, CancellationToken cancellation) =>
        MeasureAsync<UserLinkAuditMeasure>("UserLinks/measure_audit.sql", since, until, tables, cancellation);

    /// <summary>What was ambiguous, by event and phone, the most frequent first.</summary>
    /// <inheritdoc cref="MeasureAsync(DateTimeOffset?, DateTimeOffset?, string[], CancellationToken)"/>
    public Task<IReadOnlyList<AmbiguousUserLink>> FindAmbiguousAsync(
        DateTimeOffset? since, DateTimeOffset? until, string[]? tables, CancellationToken cancellation) =>
        MeasureAsync<AmbiguousUserLink>("UserLinks/find_ambiguous.sql", since, until, tables, cancellation);

    /// <summary>
    /// Clears entries that are older than a time and that no undo needs any more, in a run that can't be undone. Counts: processed
    /// (old entries), cleared, kept (an undo needs them).
    /// </summary>
    /// <param name="olderThan">The time.</param>
    /// <param name="tables">By the audit's own names; null for all.</param>
    /// <param name="force">Also clears what an undo needs; runs that lose changes can't be undone any more.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    public Task<RunResult> ClearAsync(
        DateTimeOffset olderThan, string[]? tables, bool force, RunOptions options, Action<RunProgress> progress,
        CancellationToken cancellation) =>
        new RunEngine(database).RunAsync(
            new RunWork(
                "SELECT linkage.user_link_audit_clear_work(@olderThan, @tables, @force)::text",
                new { olderThan = olderThan.UtcDateTime, tables, force })
            {
                RecordedParameters = JsonSerializer.Serialize(
                    new { olderThan = olderThan.UtcDateTime.ToString("o", CultureInfo.InvariantCulture), tables, force }),
            },
            options, progress, cancellation);

    private Task<IReadOnlyList<T>> MeasureAsync<T>(
        string sql, DateTimeOffset? since, DateTimeOffset? until, string[]? tables, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Measure-UserLinkAudit" },
            session => session.QueryAsync<T>(
                EmbeddedSql.Read(sql), new { since = since?.UtcDateTime, until = until?.UtcDateTime, tables }),
            cancellation);
}
