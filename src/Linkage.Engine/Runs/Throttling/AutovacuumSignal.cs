using Linkage.Engine.Database;
using Npgsql;
using NpgsqlTypes;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>
/// Whether autovacuum is at work on the table, its TOAST table or one of its partitions: vacuuming, analyzing, or waiting for its
/// lock. It is known by the lock that it takes on the table, which everybody may see, not by pg_stat_progress_vacuum, which hides the
/// table.
/// </summary>
/// <remarks>
/// Only autovacuum counts. Who runs VACUUM, ANALYZE or CREATE INDEX CONCURRENTLY by hand has chosen the moment, and such sessions can't be
/// told apart by their lock.
/// </remarks>
/// <param name="tables">The oids of the table, its partitions and their TOAST tables, as they were when the run started.</param>
internal sealed class AutovacuumSignal(uint[] tables) : ISignal
{
    public string Name => SignalNames.Autovacuum;

    public string Switch => "-SkipThrottle Autovacuum";

    public SignalSources Sources { get; } = new(["pg_stat_get_activity(integer)", "pg_lock_status()"]);

    public NpgsqlBatchCommand Command() => new(EmbeddedSql.Read("Runs/Throttling/autovacuum.sql"))
    {
        Parameters = { new NpgsqlParameter("tables", NpgsqlDbType.Array | NpgsqlDbType.Oid) { Value = tables } },
    };

    public async Task<string?> ReadAsync(NpgsqlDataReader answer, CancellationToken cancellation)
    {
        List<string> workers = [];
        while (await answer.ReadAsync(cancellation))
            workers.Add($"{answer.GetString(1)} (process {answer.GetInt32(0)})");
        return workers.Count == 0 ? null : $"Autovacuum is at work on {string.Join(", ", workers)}.";
    }
}
