using System.Text.Json;

namespace Linkage.Engine.Runs;

/// <summary>What a run came to.</summary>
/// <param name="RunId">Its id; null for a preview.</param>
/// <param name="Target">What it worked on.</param>
/// <param name="Status">As <c>linkage.run.status</c> says it; <c>preview</c> for a preview.</param>
/// <param name="Counts">By the names that the capability gives them.</param>
/// <param name="Sample">The first five examined, as the capability describes them.</param>
/// <param name="Elapsed">Wall-clock time in this process.</param>
public sealed record RunResult(
    Guid? RunId, string Target, string Status, IReadOnlyDictionary<string, long> Counts, IReadOnlyList<JsonElement> Sample, TimeSpan Elapsed)
{
    /// <summary>The count of that name, 0 where nothing was counted under it.</summary>
    public long Count(string name) => Counts.GetValueOrDefault(name);
}

/// <summary>How a run is getting on, told after each batch.</summary>
/// <param name="RunId">Its id, told before the first batch; null for a preview, and while it waits to start.</param>
/// <param name="Target">What it works on; empty while it waits to start.</param>
/// <param name="Done">Candidates examined so far.</param>
/// <param name="Estimate">How many there are, as the planner estimates; null where it can't.</param>
/// <param name="Elapsed">Since the run's start in this process.</param>
/// <param name="Waiting">Why it is waiting, or null.</param>
public sealed record RunProgress(Guid? RunId, string Target, long Done, long? Estimate, TimeSpan Elapsed, string? Waiting = null);
