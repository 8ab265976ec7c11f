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
    /// <summary>What it held back for, in seconds by signal.</summary>
    public IReadOnlyDictionary<string, double> Holds { get; init; } = new Dictionary<string, double>();

    /// <summary>Why it ended as it did, and which records failed; null if there is nothing to say.</summary>
    public string? Message { get; init; }

    /// <summary>The count of that name, 0 where nothing was counted under it.</summary>
    public long Count(string name) => Counts.GetValueOrDefault(name);
}

/// <summary>How a run is getting on, told after each batch, by one worker at a time.</summary>
/// <param name="RunId">Its id, told before the first batch; null for a preview, and while it waits to start.</param>
/// <param name="Target">What it works on; empty while it waits to start.</param>
/// <param name="Done">Candidates examined so far in this process.</param>
/// <param name="Elapsed">Since the run's start in this process.</param>
public sealed record RunProgress(Guid? RunId, string Target, long Done, TimeSpan Elapsed)
{
    /// <summary>How much of the table is done, from 0 to 1, as far as that is known; null where it isn't.</summary>
    public double? Share { get; init; }

    /// <summary>How long the rest takes at the rate so far; null where nobody knows.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>Candidates per second, while it was not held back.</summary>
    public double RowsPerSecond { get; init; }

    /// <summary>Why it is waiting, or null.</summary>
    public string? Waiting { get; init; }
}
