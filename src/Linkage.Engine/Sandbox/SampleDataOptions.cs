namespace Linkage.Engine.Sandbox;

/// <summary>How much sample data to generate, and how ill it is.</summary>
public sealed record SampleDataOptions
{
    /// <summary>
    /// Rows of <c>message_deliveries</c>, at least 1; the other tables follow: about one event for 120 of them, and 40 guests an event.
    /// </summary>
    public required int Deliveries { get; init; }

    /// <summary>Equal seeds give equal rows, ids included.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>The share of the deliveries, 0 to 1, that have lost their user and get it back by the rules that are always on.</summary>
    public double LinkableShare { get; init; } = 0.6;

    /// <summary>The share of the deliveries, 0 to 1, that have a phone, be it a number or nonsense.</summary>
    public double PhoneShare { get; init; } = 0.95;

    /// <summary>
    /// Whether the users get accounts with an authentication server, in <see cref="AuthenticationSchema"/>'s table, with ills of their own.
    /// </summary>
    public bool Accounts { get; init; }
}
