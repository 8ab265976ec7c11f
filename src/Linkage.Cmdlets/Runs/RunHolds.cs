using System.Globalization;
using System.Text.Json;

namespace Linkage.Cmdlets.Runs;

/// <summary>What a run was held back for, in seconds by signal.</summary>
internal sealed class RunHolds(IReadOnlyDictionary<string, double> seconds)
{
    /// <summary>All of it.</summary>
    public TimeSpan Total => TimeSpan.FromSeconds(seconds.Values.Sum());

    public static RunHolds Parse(string json) => new(JsonSerializer.Deserialize<Dictionary<string, double>>(json)!);

    /// <summary>The longest first: <c>autovacuum 12 s, replica lag 3 s</c>; null if it never was.</summary>
    public override string? ToString() => seconds.Count == 0
        ? null
        : string.Join(", ", seconds.OrderByDescending(hold => hold.Value).Select(hold => $"{hold.Key} {Text(hold.Value)}"));

    private static string Text(double seconds) =>
        seconds < 0.95 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s")
        : seconds < 60 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s")
        : TimeSpan.FromSeconds(Math.Round(seconds)).ToString("c", CultureInfo.InvariantCulture);
}
