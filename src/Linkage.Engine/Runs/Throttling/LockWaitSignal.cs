using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>Which sessions wait for locks of the run's transactions, other than the run's own.</summary>
/// <param name="applicationName">The run's transactions, as pg_stat_activity shows them.</param>
internal sealed class LockWaitSignal(string applicationName) : ISignal
{
    private const int Named = 5;

    public string Name => SignalNames.LockWaits;

    public string Switch => "-SkipThrottle LockWaits";

    public SignalSources Sources { get; } = new(["pg_stat_get_activity(integer)", "pg_lock_status()", "pg_blocking_pids(integer)"]);

    public NpgsqlBatchCommand Command() => new(EmbeddedSql.Read("Runs/Throttling/lock_waits.sql"))
    {
        Parameters = { new NpgsqlParameter("application_name", applicationName) },
    };

    public async Task<string?> ReadAsync(NpgsqlDataReader answer, CancellationToken cancellation)
    {
        List<int> waiting = [];
        while (await answer.ReadAsync(cancellation))
            waiting.Add(answer.GetInt32(0));
        var some = string.Join(", ", waiting.Take(Named)) + (waiting.Count > Named ? ", ..." : string.Empty);
        return waiting.Count switch
        {
            0 => null,
            1 => $"1 session waits for a lock of this run (process {some}).",
            _ => $"{waiting.Count} sessions wait for locks of this run (processes {some}).",
        };
    }
}
