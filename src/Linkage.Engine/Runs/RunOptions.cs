using Linkage.Engine.Runs.Throttling;

namespace Linkage.Engine.Runs;

/// <summary>How far a run goes.</summary>
public enum RunMode
{
    /// <summary>Changes, audits.</summary>
    Apply,

    /// <summary>Evaluates everything and records it, marked as dry; changes no data.</summary>
    DryRun,

    /// <summary>Writes nothing at all: READ ONLY transactions, no run.</summary>
    Preview,
}

/// <summary>How a run is carried out.</summary>
public sealed record RunOptions
{
    /// <summary>How far it goes.</summary>
    public RunMode Mode { get; init; } = RunMode.Apply;

    /// <summary>How many candidates one transaction examines at most; within that, batches are sized by time.</summary>
    public int BatchSize { get; init; } = 50_000;

    /// <summary>What may be changed while it runs: workers, time per batch, duration.</summary>
    public RunSettings Settings { get; init; } = new();

    /// <summary>What holds it back.</summary>
    public ThrottleOptions Throttle { get; init; } = ThrottleOptions.Default;

    /// <summary>What <c>pg_stat_activity</c> and the run row are told to be at work: the cmdlet's name.</summary>
    public string Caller { get; init; } = "Linkage";

    /// <summary>How long one batch may take before the server cancels it and a smaller one is tried.</summary>
    public TimeSpan BatchTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long one batch waits for a row that the application holds. Shorter than the server's deadlock_timeout (1 s), so that in a
    /// deadlock it is the batch that gives way, not the application.
    /// </summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a start waits for a target that another run holds before it is refused. The heartbeat limit, 15 s.</summary>
    public TimeSpan TargetWait { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a run tries to reach a server that is gone: a restart or a failover takes that long.</summary>
    public TimeSpan ReconnectFor { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How many records may fail, each tried alone, before the run ends: more are no exceptions.</summary>
    public int MaxFaults { get; init; } = 100;
}
