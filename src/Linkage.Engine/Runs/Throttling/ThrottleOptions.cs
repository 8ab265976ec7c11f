namespace Linkage.Engine.Runs.Throttling;

/// <summary>Which signals hold a run back, and from where on.</summary>
public sealed record ThrottleOptions
{
    /// <summary>All signals that need no configuration, with their default limits.</summary>
    public static ThrottleOptions Default { get; } = new();

    /// <summary>No signal at all: the run is never held back.</summary>
    public static ThrottleOptions None { get; } = new()
    {
        MaxReplicaLag = null,
        MaxArchiveBacklog = null,
        WatchAutovacuum = false,
        WatchLockWaits = false,
    };

    /// <summary>
    /// How far the slowest physical replica may be behind in replaying; null leaves the signal out. Logical subscribers, and receivers of
    /// WAL that replay nothing, do not count.
    /// </summary>
    public TimeSpan? MaxReplicaLag { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How many finished WAL files may wait for the archiver; null leaves the signal out. The default, 64, is 1 GB in files of the usual
    /// size: what max_wal_size lets the server keep between two checkpoints anyway, so that the disk has room for it.
    /// </summary>
    public int? MaxArchiveBacklog { get; init; } = 64;

    /// <summary>Whether autovacuum at work on the table, its TOAST table or one of its partitions holds the run.</summary>
    public bool WatchAutovacuum { get; init; } = true;

    /// <summary>Whether sessions that wait for locks of the run's transactions hold it.</summary>
    public bool WatchLockWaits { get; init; } = true;

    /// <summary>
    /// The user's own probe, one query: its first row's first column holds the run if it is true, or a text that isn't blank, which is then
    /// the reason. Null for none.
    /// </summary>
    public string? Query { get; init; }
}
