using System.Diagnostics;
using System.Globalization;

namespace Linkage.Benchmarks.Measuring;

/// <summary>What something small took, many times over, in milliseconds by the clock; by name, in the order of the first time.</summary>
internal sealed class Timings
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, List<double>> _times = [];

    public async Task TakeAsync(string name, Func<Task> work)
    {
        var start = Stopwatch.GetTimestamp();
        await work();
        Add(name, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Forgets what was measured so far, since it only warmed up.</summary>
    public void Clear()
    {
        _order.Clear();
        _times.Clear();
    }

    /// <summary>Takes over what others measured.</summary>
    public void Add(Timings others)
    {
        foreach (var name in others._order)
        {
            foreach (var time in others._times[name])
                Add(name, time);
        }
    }

    /// <summary>The median; not a number for what was never measured.</summary>
    public double Median(string name) => Results.Median(_times.GetValueOrDefault(name) ?? []);

    /// <summary>A table of all of it.</summary>
    /// <param name="title">What was measured.</param>
    public string ToMarkdown(string title) => string.Join(
        '\n',
        [
            $"| {title}, ms | median | p95 | p99 | fastest | slowest |",
            "|---|--:|--:|--:|--:|--:|",
            .. _order.Select(name => $"| {name} | {Figures(name)} |"),
        ]);

    private void Add(string name, double milliseconds)
    {
        if (!_times.TryGetValue(name, out var known))
        {
            _order.Add(name);
            known = _times[name] = [];
        }

        known.Add(milliseconds);
    }

    private string Figures(string name) => string.Join(
        " | ",
        new[] { Median(name), Quantile(name, 95), Quantile(name, 99), _times[name].Min(), _times[name].Max() }
            .Select(time => time.ToString("N3", CultureInfo.InvariantCulture)));

    private double Quantile(string name, int percent) => _times[name].Order().ElementAt(_times[name].Count * percent / 100);
}
