using System.Globalization;

namespace Linkage.Benchmarks.Measuring;

/// <summary>What the command line says of a benchmark.</summary>
/// <param name="Rows">How many rows its data has.</param>
/// <param name="Runs">How many rounds all contenders do.</param>
/// <param name="Only">Words of which a contender's name must hold one; empty for all.</param>
/// <param name="Docs">The folder for a table and a plot of the results; null for none.</param>
internal sealed record BenchmarkOptions(int Rows, int Runs, IReadOnlyList<string> Only, string? Docs)
{
    public static BenchmarkOptions Parse(string[] args, int runs, int rows = 1_000_000)
    {
        return new BenchmarkOptions(
            int.Parse(Option("--rows") ?? rows.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            int.Parse(Option("--runs") ?? runs.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            Option("--only")?.Split(',') ?? [],
            Option("--docs"));

        string? Option(string name)
        {
            var index = Array.IndexOf(args, name);
            return index < 0 ? null : args[index + 1];
        }
    }

    public bool IsWanted(string contender) => Only.Count == 0 || Only.Any(word => contender.Contains(word, StringComparison.OrdinalIgnoreCase));
}
