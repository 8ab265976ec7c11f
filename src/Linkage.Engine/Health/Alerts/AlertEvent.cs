namespace Linkage.Engine.Health.Alerts;

/// <summary>What became of a check on a channel.</summary>
public enum AlertEvent
{
    /// <summary>It is not healthy, and was as far as the channel knows.</summary>
    Fired,

    /// <summary>It was not healthy, and is so in another way now.</summary>
    Changed,

    /// <summary>It is as it was, and said once more.</summary>
    Repeated,

    /// <summary>It is healthy again, or no longer as grave as the route asks for.</summary>
    Recovered,

    /// <summary>It is not healthy, and the channel knows.</summary>
    Suppressed,

    /// <summary>There is something to say, and it could not be delivered.</summary>
    Failed,
}
