using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>What a channel was told of a check: a row of <c>linkage.alert_state</c>. Times are UTC.</summary>
internal sealed record AlertState
{
    /// <summary>Of a check that was never anything but healthy, or that nobody knows.</summary>
    public static AlertState None { get; } = new();

    /// <summary>When the newest record was made that was looked at.</summary>
    public DateTime CheckedAt { get; init; } = DateTime.MinValue;

    /// <summary>Since when it is not healthy; null while it is, and the channel knows.</summary>
    public DateTime? TroubledSince { get; init; }

    /// <summary>The last that was delivered.</summary>
    public CheckStatus Told { get; init; }

    /// <summary>When.</summary>
    public DateTime? ToldAt { get; init; }

    /// <summary>Since when something waits to be delivered; null where nothing does.</summary>
    public DateTime? UndeliveredSince { get; init; }
}
