namespace Linkage.Engine.Database;

/// <summary>How far a statement is that builds or drops an index, and whom it waits for.</summary>
public sealed record IndexProgress
{
    /// <summary>The server's name for what it is at, such as <c>building index: scanning table</c>; null where it does not say.</summary>
    public string? Phase { get; init; }

    /// <summary>How much of the phase is done, in the phase's own unit: rows, pages, or sessions waited for.</summary>
    public long? Done { get; init; }

    /// <summary>How much there is to do in the phase; 0 or null where the server does not say.</summary>
    public long? Total { get; init; }

    /// <summary>The sessions that it waits for.</summary>
    public string[] Holders { get; init; } = [];

    /// <summary>Whether it waits for its lock on the table, so that it has not begun.</summary>
    public bool WaitsForTable { get; init; }
}

/// <summary>How long a build may take and wait, and who hears of it.</summary>
internal sealed record IndexBuildOptions
{
    /// <summary>Told whom a build waits for.</summary>
    public Action<string>? Waiting { get; init; }

    /// <summary>Told how far it is.</summary>
    public Action<IndexProgress>? Progress { get; init; }

    /// <summary>After how long a build is given up; null for never. What it leaves is then removed, however long that takes.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>How long a build waits for its lock on the table, before it begins; null for as long as it takes.</summary>
    public TimeSpan? LockTimeout { get; init; }

    /// <summary>How often somebody looks.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether anybody looks at all.</summary>
    public bool IsWatched => Waiting is not null || Progress is not null || LockTimeout is not null || MaxDuration is not null;
}
