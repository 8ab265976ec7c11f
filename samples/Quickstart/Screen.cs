using System.Diagnostics;
using Linkage.Engine.Checks;
using Linkage.Engine.Runs;

/// <summary>Writes for people: plain lines, and a line of progress where somebody watches.</summary>
internal static class Screen
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);
    private static readonly Stopwatch _sinceShown = Stopwatch.StartNew();
    private static int _step;

    public static void Step(string title) => Console.WriteLine($"\n{++_step}. {title}");

    public static void Say(string line) => Console.WriteLine($"   {line}");

    /// <summary>Numbers to the right, words to the left, in columns.</summary>
    public static void Table(IEnumerable<(string Name, long Count, string Meaning)> rows)
    {
        var lines = rows.ToList();
        var width = lines.Max(r => r.Name.Length);
        foreach (var (name, count, meaning) in lines)
            Say($"{name.PadRight(width)}  {count,11:N0}  {meaning}".TrimEnd());
    }

    public static void Check(CheckResult check) => Say($"{check.Status,-9} {check.Check}: {check.Message}");

    public static string Rate(long rows, TimeSpan elapsed) => $"{elapsed.TotalSeconds:0.0} s, {rows / elapsed.TotalSeconds:N0} rows/s";

    /// <summary>The progress of a run, on one line that is written over and goes in the end; nothing where output is redirected.</summary>
    public static void Progress(RunProgress progress)
    {
        if (Console.IsOutputRedirected || _sinceShown.Elapsed < _pause)
            return;
        _sinceShown.Restart();
        var share = progress.Share is { } done ? $" ({Math.Min(99, 100 * done):0} %)" : "";
        Overwrite(progress.Waiting ?? $"   {progress.Done:N0}{share}, {progress.RowsPerSecond:N0} rows/s");
    }

    public static void EndProgress()
    {
        if (!Console.IsOutputRedirected)
            Overwrite("");
    }

    private static void Overwrite(string line)
    {
        // One column less than there are, lest the line wraps.
        var width = (Console.WindowWidth is > 0 and var columns ? columns : 80) - 1;
        Console.Write($"\r{(line.Length > width ? line[..width] : line.PadRight(width))}\r");
    }
}
