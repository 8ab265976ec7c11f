namespace Linkage.Benchmarks.UserSync;

/// <summary>One thing that several do, and what it cost each of them.</summary>
internal interface IContest
{
    /// <summary>Lets all take turns.</summary>
    /// <returns>What went wrong; null if nothing did.</returns>
    Task<string?> RunAsync(int rounds);

    string ToMarkdown();

    IEnumerable<(string Name, double Value)> Ratios { get; }
}
