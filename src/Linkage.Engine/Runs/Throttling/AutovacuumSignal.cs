using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>
/// Whether autovacuum is at work on the table, its TOAST table or one of its partitions: vacuuming, analyzing, or waiting for its
/// lock. It is known by the lock that it takes on the table, which everybody may see, not by pg_stat_progress_vacuum, which hides the
/// table.
/// </summary>
/// <remarks>
/// Only autovacuum counts. Who runs VACUUM, ANALYZE or CREATE INDEX CONCURRENTLY by hand has chosen the moment, and such a session can't be told
/// by its lock from another; a run does not make it wait.
/// </remarks>
/// <param name="table">The table's oid.</param>
internal sealed class AutovacuumSignal(uint table) : ISignal
{
    public string Name => SignalNames.Autovacuum;

    public string Switch => "-SkipThrottle Autovacuum";

    public SignalSources Sources { get; } = new(
        ["pg_stat_activity", "pg_locks"],
        ["pg_stat_get_activity(integer)", "pg_lock_status()", "pg_partition_ancestors(regclass)"]);

    public NpgsqlBatchCommand Command() => new(EmbeddedSql.Read("Runs/Throttling/autovacuum.sql"))
    {
        Parameters = { new NpgsqlParameter("table", NpgsqlTypes.NpgsqlDbType.Oid) { Value = table } },
    };

    public async Task<string?> ReadAsync(NpgsqlDataReader answer, CancellationToken cancellation)
    {
        List<string> workers = [];
        while (await answer.ReadAsync(cancellation))
            workers.Add($"{answer.GetString(1)} (process {answer.GetInt32(0)})");
        return workers.Count == 0 ? null : $"Autovacuum is at work on {string.Join(", ", workers)}.";
    }
}
