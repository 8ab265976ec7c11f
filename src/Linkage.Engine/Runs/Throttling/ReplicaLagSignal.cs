using System.Globalization;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>
/// How far physical replicas are behind in replaying. The server's own figure, <c>replay_lag</c>, comes with a replica's replies: it is
/// missing after idleness and before the first reply, and stands still while a replica does not answer. So the positions that
/// were written at earlier samples are kept: a replica that has not replayed one of them yet is at least as old as that sample.
/// </summary>
/// <param name="limit">How far behind the slowest one may be.</param>
/// <param name="clock">Tells how old a sample is.</param>
internal sealed class ReplicaLagSignal(TimeSpan limit, TimeProvider clock) : ISignal
{
    private readonly Queue<(long Time, long Position)> _samples = new();

    public string Name => SignalNames.ReplicaLag;

    public string Switch => "-SkipThrottle ReplicaLag";

    public SignalSources Sources { get; } = new(
        ["pg_stat_get_wal_senders()", "pg_stat_get_activity(integer)", "pg_get_replication_slots()", "pg_current_wal_flush_lsn()"],
        "pg_read_all_stats");

    public NpgsqlBatchCommand Command() => new(EmbeddedSql.Read("Runs/Throttling/replica_lag.sql"));

    public async Task<string?> ReadAsync(NpgsqlDataReader answer, CancellationToken cancellation)
    {
        List<Replica> replicas = [];
        while (await answer.ReadAsync(cancellation))
        {
            if (await answer.IsDBNullAsync(1, cancellation))
                throw new SignalHiddenException("the server hides from this role how far replicas are");
            replicas.Add(new Replica(
                answer.GetString(0),
                answer.GetString(1) == "catchup",
                await answer.IsDBNullAsync(2, cancellation) ? null : TimeSpan.FromSeconds(answer.GetDouble(2)),
                answer.GetInt64(3),
                answer.GetInt64(4)));
        }

        return Judge(replicas);
    }

    /// <summary>What the replicas' positions mean, together with those of earlier samples.</summary>
    internal string? Judge(IReadOnlyCollection<Replica> replicas)
    {
        if (replicas.Count == 0)
        {
            _samples.Clear();
            return null;
        }

        Remember(replicas);
        if (replicas.FirstOrDefault(r => r.IsBehind && r.CatchesUp) is { } late)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"Replica {late.Name} is catching up since it connected and is {late.BytesBehind / 1048576.0:0.#} MB of WAL behind.");
        }

        var slowest = replicas.MaxBy(LagOf)!;
        return LagOf(slowest) > limit
            ? $"Replica {slowest.Name} is {Seconds(LagOf(slowest))} behind in replaying (limit {Seconds(limit)})."
            : null;
    }

    private void Remember(IReadOnlyCollection<Replica> replicas)
    {
        // What even the slowest has replayed is of no more use.
        var replayed = replicas.Min(r => r.Replayed);
        while (_samples.TryPeek(out var oldest) && oldest.Position <= replayed)
            _samples.Dequeue();
        var written = replicas.Max(r => r.Written);
        if (written > replayed && (_samples.Count == 0 || _samples.Last().Position < written))
            _samples.Enqueue((clock.GetTimestamp(), written));
    }

    private TimeSpan LagOf(Replica replica)
    {
        if (!replica.IsBehind)
            return TimeSpan.Zero; // replay_lag may still tell of the last burst.
        var known = replica.ReplayLag ?? TimeSpan.Zero;
        foreach (var (time, position) in _samples)
        {
            if (position > replica.Replayed)
                return TimeSpan.FromTicks(Math.Max(known.Ticks, clock.GetElapsedTime(time).Ticks));
        }

        return known;
    }

    private static string Seconds(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.#} s");

    /// <summary>A replica as the server sees it; positions are bytes of WAL.</summary>
    internal sealed record Replica(string Name, bool CatchesUp, TimeSpan? ReplayLag, long Replayed, long Written)
    {
        public bool IsBehind => Replayed < Written;

        public long BytesBehind => Written - Replayed;
    }
}
