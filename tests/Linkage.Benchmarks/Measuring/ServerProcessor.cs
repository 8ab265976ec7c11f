using System.Globalization;

namespace Linkage.Benchmarks.Measuring;

/// <summary>
/// How much processor time a server has used, all of its processes together: a busy machine stretches the clock's time far more than
/// this. Known on Linux only.
/// </summary>
internal static class ServerProcessor
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux

    /// <summary>Seconds since the server's start, or null where nobody tells.</summary>
    /// <param name="processId">The server's first process, whose children are all others.</param>
    public static double? Seconds(int processId)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        double seconds = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Read(folder) is { } process
                && (id == processId || process.Parent == processId))
            {
                // Children that have ended are counted with their parent.
                seconds += process.Own + process.EndedChildren;
            }
        }

        return seconds;
    }

    private static (int Parent, double Own, double EndedChildren)? Read(string folder)
    {
        try
        {
            // pid (name) state parent ...: the name may hold anything, but the last parenthesis ends it.
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (int.Parse(fields[1], CultureInfo.InvariantCulture), Ticks(11) + Ticks(12), Ticks(13) + Ticks(14));

            double Ticks(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture) / TicksPerSecond;
        }
        catch (IOException)
        {
            return null; // It has ended meanwhile.
        }
    }
}
