namespace Linkage.Engine.Health.Alerts;

/// <summary>When to send, and how long to try.</summary>
public sealed record AlertOptions
{
    /// <summary>Send also what the channel knows, and of healthy checks that they are.</summary>
    public bool Force { get; init; }

    /// <summary>After how long what is critical is said again.</summary>
    public TimeSpan RepeatAfter { get; init; } = TimeSpan.FromHours(4);

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often it is tried again.</summary>
    public int MaximumRetryCount { get; init; } = 3;

    /// <summary>At most how long to wait before the second attempt, at least half of it; it doubles with each, up to <see cref="LongestPause"/>.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>No wait is longer. A receiver that asks for more gets no further attempt this time.</summary>
    public static TimeSpan LongestPause { get; } = TimeSpan.FromSeconds(60);

    /// <summary>How long an attempt may take with all that belongs to it: for so long nobody else sends the message.</summary>
    internal TimeSpan Lease => Timeout + TimeSpan.FromSeconds(10);
}
