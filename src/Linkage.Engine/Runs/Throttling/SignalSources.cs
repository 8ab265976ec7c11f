namespace Linkage.Engine.Runs.Throttling;

/// <summary>What a signal reads.</summary>
/// <param name="Functions">System functions, with the types of their arguments: granted to PUBLIC unless somebody revoked it.</param>
/// <param name="Role">The predefined role without which they hide what matters; null if there is none.</param>
internal sealed record SignalSources(string[] Functions, string? Role = null);
