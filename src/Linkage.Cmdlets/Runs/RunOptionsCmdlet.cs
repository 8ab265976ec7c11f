using System.Management.Automation;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine;
using Linkage.Engine.Runs;
using Linkage.Engine.Runs.Throttling;

namespace Linkage.Cmdlets.Runs;

/// <summary>The base of the cmdlets that work on runs in this session: how a run is carried out, and what holds it back.</summary>
public abstract class RunOptionsCmdlet : RunsCmdlet
{
    private const string ReplicaLag = "ReplicaLag";
    private const string ArchiveBacklog = "ArchiveBacklog";
    private const string Autovacuum = "Autovacuum";
    private const string LockWaits = "LockWaits";

    /// <summary>How many candidates one transaction examines at most.</summary>
    [Parameter]
    [ValidateRange(1, 1_000_000)]
    public int? BatchSize { get; set; }

    /// <summary>How many workers share the run.</summary>
    [Parameter]
    [ValidateRange(1, 64)]
    public int? ThrottleLimit { get; set; }

    /// <summary>How long one transaction should take.</summary>
    [Parameter]
    [Duration(Positive = true, MaxSeconds = 15)]
    public TimeSpan? TargetBatchTime { get; set; }

    /// <summary>After how long the run stops, between two batches.</summary>
    [Parameter]
    [Duration(Positive = true)]
    public TimeSpan? MaxDuration { get; set; }

    /// <summary>How far a physical replica may be behind before the run is held.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? MaxReplicaLag { get; set; }

    /// <summary>How many finished WAL files may wait for the archiver before the run is held.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? MaxArchiveBacklog { get; set; }

    /// <summary>Signals that do not hold the run.</summary>
    [Parameter]
    [ValidateSet(ReplicaLag, ArchiveBacklog, Autovacuum, LockWaits)]
    public string[] SkipThrottle { get; set; } = [];

    /// <summary>A query that holds the run while its first value is true, or a text.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ThrottleQuery { get; set; }

    /// <summary>What the parameters say.</summary>
    /// <exception cref="LinkageException">A signal is given a limit and left out.</exception>
    private protected RunOptions Options(RunMode mode)
    {
        var options = new RunOptions { Mode = mode, Caller = CmdletName, Throttle = Throttle() };
        var settings = options.Settings with { MaxDuration = MaxDuration };
        return options with
        {
            BatchSize = BatchSize ?? options.BatchSize,
            Settings = settings with
            {
                ThrottleLimit = ThrottleLimit ?? settings.ThrottleLimit,
                TargetBatchTime = TargetBatchTime ?? settings.TargetBatchTime,
            },
        };
    }

    private ThrottleOptions Throttle()
    {
        if (MaxReplicaLag is not null && Skips(ReplicaLag))
            throw Contradiction(nameof(MaxReplicaLag), ReplicaLag);
        if (MaxArchiveBacklog is not null && Skips(ArchiveBacklog))
            throw Contradiction(nameof(MaxArchiveBacklog), ArchiveBacklog);
        var defaults = ThrottleOptions.Default;
        return new ThrottleOptions
        {
            MaxReplicaLag = Skips(ReplicaLag) ? null : MaxReplicaLag ?? defaults.MaxReplicaLag,
            MaxArchiveBacklog = Skips(ArchiveBacklog) ? null : MaxArchiveBacklog ?? defaults.MaxArchiveBacklog,
            WatchAutovacuum = !Skips(Autovacuum),
            WatchLockWaits = !Skips(LockWaits),
            Query = ThrottleQuery,
        };
    }

    private bool Skips(string signal) => SkipThrottle.Contains(signal, StringComparer.OrdinalIgnoreCase);

    private static LinkageException Contradiction(string limit, string signal) => new(
        "Linkage.Run.ThrottleContradiction", FaultKind.InvalidInput,
        $"-{limit} gives a limit for a signal that -SkipThrottle {signal} leaves out; give one of them.");
}
