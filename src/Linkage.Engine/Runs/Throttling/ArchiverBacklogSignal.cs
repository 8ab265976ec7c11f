using System.Globalization;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>
/// How many finished WAL files wait for the archiver. It takes them in order, so the position in which the server writes and the
/// last file archived say it, and both are open to everybody; a listing of the folder would need pg_monitor and grows with the backlog.
/// </summary>
/// <remarks>
/// The statistics know no position after they were reset (by hand, or by a crash), before the first file, and while the last thing
/// archived is a backup's label or a timeline's history. While the archiver fails, the file that it fails on tells instead; else what was
/// archived is taken to be what was known before, and at the start of a run, everything: the backlog then counts from there, so that it
/// may be too small but never too big.
/// </remarks>
/// <param name="limit">How many may wait.</param>
internal sealed class ArchiverBacklogSignal(int limit) : ISignal
{
    private long? _archived;

    public string Name => SignalNames.ArchiverBacklog;

    public string Switch => "-SkipThrottle ArchiveBacklog";

    public SignalSources Sources { get; } = new(["pg_stat_get_archiver()", "pg_current_wal_lsn()"]);

    public NpgsqlBatchCommand Command() => new(EmbeddedSql.Read("Runs/Throttling/archiver_backlog.sql"));

    public async Task<string?> ReadAsync(NpgsqlDataReader answer, CancellationToken cancellation)
    {
        // No row where nothing is archived.
        if (!await answer.ReadAsync(cancellation))
            return null;
        return Judge(new State(
            answer.GetInt64(0),
            answer.GetInt64(1),
            await answer.IsDBNullAsync(2, cancellation) ? null : answer.GetString(2),
            await answer.IsDBNullAsync(3, cancellation) ? null : answer.GetString(3),
            await answer.IsDBNullAsync(4, cancellation) ? null : answer.GetDateTime(4)));
    }

    /// <summary>What the archiver's state means, together with earlier ones.</summary>
    internal string? Judge(State state)
    {
        var finished = (state.Written / state.SegmentSize) - 1;
        if (WalSegment.Number(state.Failing, state.SegmentSize) is { } failing)
            _archived = failing - 1;
        else if (WalSegment.Number(state.Archived, state.SegmentSize) is { } archived)
            _archived = archived;
        else
            _archived ??= finished;

        var backlog = finished - _archived.Value;
        if (backlog <= limit)
            return null;
        var failure = state.Failing is null
            ? string.Empty
            : string.Create(CultureInfo.InvariantCulture, $"; it fails on {state.Failing}, last at {state.FailedAt:HH:mm:ss} UTC");
        return $"{backlog} finished WAL files wait for the archiver (limit {limit}){failure}.";
    }

    /// <summary>What the server tells.</summary>
    /// <param name="Written">The position in which it writes, in bytes of WAL.</param>
    /// <param name="SegmentSize">The size of a file in bytes.</param>
    /// <param name="Archived">The last file archived.</param>
    /// <param name="Failing">The file on which the archiver failed, if it has archived none since.</param>
    /// <param name="FailedAt">When, UTC.</param>
    internal sealed record State(long Written, long SegmentSize, string? Archived, string? Failing, DateTime? FailedAt);
}
