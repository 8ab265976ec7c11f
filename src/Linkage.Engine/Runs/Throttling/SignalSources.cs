namespace Linkage.Engine.Runs.Throttling;

/// <summary>What a signal reads.</summary>
/// <param name="Views">System views: SELECT is granted to PUBLIC unless somebody revoked it.</param>
/// <param name="Functions">Functions, with argument types, that these views or the query itself call; likewise.</param>
/// <param name="Role">The predefined role without which the views hide what matters; null if there is none.</param>
internal sealed record SignalSources(string[] Views, string[] Functions, string? Role = null);
