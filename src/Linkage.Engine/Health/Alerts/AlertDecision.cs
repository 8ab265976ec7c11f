using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>Whether a channel is told of a record, and what.</summary>
/// <param name="Event">What; null where there is nothing to say and never was.</param>
/// <param name="TroubledSince">Since when the check is not healthy, this record included; of one that has recovered, since when it was
/// not.</param>
/// <param name="Reason">Why nothing is sent; null if something is.</param>
internal sealed record AlertDecision(AlertEvent? Event, DateTime? TroubledSince, string? Reason)
{
    private static readonly AlertDecision _nothing = new(null, null, null);

    /// <summary>Decides.</summary>
    /// <param name="state">What the channel knows.</param>
    /// <param name="status">How the record came out.</param>
    /// <param name="checkedAt">When it was made; UTC.</param>
    /// <param name="floor">How grave it has to be for the channel: Warning or Critical.</param>
    /// <param name="options">When to repeat, and whether to send regardless.</param>
    /// <param name="now">The time; UTC.</param>
    public static AlertDecision Decide(
        AlertState state, CheckStatus status, DateTime checkedAt, CheckStatus floor, AlertOptions options, DateTime now)
    {
        if (checkedAt < state.CheckedAt)
            return new(AlertEvent.Suppressed, state.TroubledSince, "A newer record was dealt with already.");
        var isTrouble = status >= floor || (status == CheckStatus.Unknown && floor == CheckStatus.Warning);
        if (isTrouble)
            return Trouble(state, status, checkedAt, options, now);

        // What can't be found out is no recovery, not even for who wants to hear of the gravest only.
        if (status == CheckStatus.Unknown && state.TroubledSince is not null && !options.Force)
            return new(AlertEvent.Suppressed, state.TroubledSince, "It could not be found out whether it has recovered.");
        if (state.TroubledSince is not null)
            return new(AlertEvent.Recovered, state.TroubledSince, null);
        return options.Force ? new(AlertEvent.Repeated, null, null) : _nothing;
    }

    private static AlertDecision Trouble(AlertState state, CheckStatus status, DateTime checkedAt, AlertOptions options, DateTime now)
    {
        var since = state.TroubledSince ?? checkedAt;
        if (state.Told == CheckStatus.Healthy)
            return new(AlertEvent.Fired, since, null);
        if (state.Told != status)
            return new(AlertEvent.Changed, since, null);
        if (options.Force || state.UndeliveredSince is not null
            || (status == CheckStatus.Critical && now - state.ToldAt >= options.RepeatAfter))
            return new(AlertEvent.Repeated, since, null);
        return new(AlertEvent.Suppressed, since, status == CheckStatus.Critical
            ? $"It was told at {state.ToldAt:yyyy-MM-dd HH:mm} UTC, "
                + $"and is repeated from {state.ToldAt + options.RepeatAfter:yyyy-MM-dd HH:mm} UTC on."
            : $"It was told at {state.ToldAt:yyyy-MM-dd HH:mm} UTC.");
    }
}
