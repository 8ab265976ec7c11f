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

    /// <summary>In the order of their first turn.</summary>
    public IReadOnlyList<string> Contenders => _order;

    /// <summary>The median; not a number for one that had no turn.</summary>
    public double Seconds(string contender) => Median(Turns(contender).Select(t => t.Seconds));

    public double Fastest(string contender) => Turns(contender).Min(t => t.Seconds);

    public double Slowest(string contender) => Turns(contender).Max(t => t.Seconds);

    /// <summary>Processor time of the server.</summary>
    public double ServerSeconds(string contender) => Median(Turns(contender).Select(t => t.ServerSeconds ?? double.NaN));

    public double Wal(string contender) => Median(Turns(contender).Select(t => (double)t.WalBytes));

    public string ToMarkdown() => string.Join(
        '\n',
        [
            "| contender | median s | fastest | slowest | CPU s | rows/s | WAL MB | client MB |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
            .. _order.Select(name => Invariant(
                $"| {name} | {Seconds(name):F1} | {Fastest(name):F1} | {Slowest(name):F1} | {ServerSeconds(name):F1} | {Rows(name) / Seconds(name):N0} | {Wal(name) / 1e6:F0} | {Client(name):F1} |")),
        ]);

    public void Print()
    {
        Console.WriteLine($"{"contender",-36}{"median s",10}{"min s",9}{"max s",9}{"CPU s",9}{"rows/s",11}{"WAL MB",9}{"client MB",11}");
        foreach (var name in _order)
        {
            Console.WriteLine(Invariant(
                $"{name,-36}{Seconds(name),10:F2}{Fastest(name),9:F2}{Slowest(name),9:F2}{ServerSeconds(name),9:F2}")
                + Invariant($"{Rows(name) / Seconds(name),11:N0}{Wal(name) / 1e6,9:F0}{Client(name),11:F1}"));
        }
    }

    /// <summary>The last line of every benchmark, for programs to read. Ratios to a contender that had no turn are left out.</summary>
    public static void PrintRatios(params (string Name, double Value)[] ratios) => Console.WriteLine(
        $"RATIOS {string.Join(' ', ratios.Where(r => double.IsFinite(r.Value)).Select(r => Invariant($"{r.Name}={r.Value:F2}")))}");

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        if (sorted.Count == 0)
            return double.NaN;
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[sorted.Count / 2 - 1] + sorted[sorted.Count / 2]) / 2;
    }

    private List<Measurement> Turns(string contender) => _turns.TryGetValue(contender, out var known) ? known.Turns : [];

    private long Rows(string contender) => _turns[contender].Rows;

    private double Client(string contender) => Turns(contender).Max(t => t.ClientBytes) / 1e6;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
