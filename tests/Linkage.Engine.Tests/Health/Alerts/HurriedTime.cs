using System.Collections.Concurrent;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>A clock on which every wait is over at once, and remembered.</summary>
internal sealed class HurriedTime : TimeProvider
{
    private readonly object _gate = new();
    private DateTimeOffset _now = new(2026, 5, 6, 7, 8, 9, TimeSpan.Zero);

    public ConcurrentQueue<TimeSpan> Waits { get; } = [];

    public DateTime Now => GetUtcNow().UtcDateTime;

    public void Pass(TimeSpan span)
    {
        lock (_gate)
            _now += span;
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Waits.Enqueue(dueTime);
        Pass(dueTime);
        return System.CreateTimer(callback, state, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
    }
}
