using System.Globalization;

namespace Linkage.Benchmarks.Measuring;

/// <summary>What contenders cost in all rounds, by name, in the order of their first turn.</summary>
internal sealed class Results
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, (long Rows, List<Measurement> Turns)> _turns = [];

    public void Add(string contender, long rows, Measurement turn)
    {
        if (!_turns.TryGetValue(contender, out var known))
        {
            _order.Add(contender);
            known = _turns[contender] = (rows, []);
        }

        known.Turns.Add(turn);
        Console.Error.WriteLine(Invariant($"  {contender}: {turn.Seconds:F2} s"));
    }

    public double Seconds(string contender) => Median(_turns[contender].Turns.Select(t => t.Seconds));

    /// <summary>Processor time of the server.</summary>
    public double ServerSeconds(string contender) => Median(_turns[contender].Turns.Select(t => t.ServerSeconds ?? double.NaN));

    public double Wal(string contender) => Median(_turns[contender].Turns.Select(t => (double)t.WalBytes));

    public void Print()
    {
        Console.WriteLine($"{"contender",-34}{"median s",10}{"min s",9}{"max s",9}{"CPU s",9}{"rows/s",11}{"WAL MB",9}{"client MB",11}");
        foreach (var name in _order)
        {
            var (rows, turns) = _turns[name];
            Console.WriteLine(Invariant(
                $"{name,-34}{Seconds(name),10:F2}{turns.Min(t => t.Seconds),9:F2}{turns.Max(t => t.Seconds),9:F2}{ServerSeconds(name),9:F2}")
                + Invariant($"{rows / Seconds(name),11:N0}{Wal(name) / 1e6,9:F0}{turns.Max(t => t.ClientBytes) / 1e6,11:F1}"));
        }
    }

    /// <summary>The last line of every benchmark, for programs to read.</summary>
    public static void PrintRatios(params (string Name, double Value)[] ratios) =>
        Console.WriteLine($"RATIOS {string.Join(' ', ratios.Select(r => Invariant($"{r.Name}={r.Value:F2}")))}");

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[sorted.Count / 2 - 1] + sorted[sorted.Count / 2]) / 2;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
