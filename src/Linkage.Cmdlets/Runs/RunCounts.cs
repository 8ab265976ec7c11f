using System.Globalization;
using System.Text.Json;

namespace Linkage.Cmdlets.Runs;

/// <summary>What a run counted, by name: <c>$run.Details.NoMatch</c>. As text it reads <c>Processed 12, Linked 7</c>.</summary>
public sealed class RunCounts : Dictionary<string, long>
{
    internal RunCounts(IEnumerable<KeyValuePair<string, long>> counts)
        : base(StringComparer.OrdinalIgnoreCase)
    {
        foreach (var (name, count) in counts.OrderBy(count => count.Key != "processed").ThenBy(count => count.Key, StringComparer.Ordinal))
            this[PropertyName(name)] = count;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(", ", this.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Key} {count.Value}")));

    internal static RunCounts Parse(string json) =>
        new(JsonSerializer.Deserialize<Dictionary<string, long>>(json)!);

    /// <summary>The count of that name, 0 where nothing was counted under it.</summary>
    internal long Of(string name) => GetValueOrDefault(PropertyName(name));

    private long GetValueOrDefault(string name) => TryGetValue(name, out var count) ? count : 0;

    /// <summary>no_match: NoMatch. A count of one table has the table's name in it, and stays as it is.</summary>
    private static string PropertyName(string name) => name.Contains(' ', StringComparison.Ordinal)
        ? name
        : string.Concat(name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
