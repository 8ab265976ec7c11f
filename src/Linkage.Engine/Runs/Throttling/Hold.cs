namespace Linkage.Engine.Runs.Throttling;

/// <summary>Why a run does not go on for the moment.</summary>
/// <param name="Signal">The signal's short, stable name, one of <see cref="SignalNames"/>.</param>
/// <param name="Reason">A sentence with figures.</param>
internal sealed record Hold(string Signal, string Reason);
