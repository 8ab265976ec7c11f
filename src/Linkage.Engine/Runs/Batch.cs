using System.Text.Json;

namespace Linkage.Engine.Runs;

/// <summary>What the database returns of a batch; see <c>linkage.run_batch</c>.</summary>
/// <param name="Counts">By the capability's names.</param>
/// <param name="Sample">Up to five of the records examined.</param>
/// <param name="Rows">How many candidates it examined.</param>
/// <param name="Asked">How many it was to examine.</param>
/// <param name="Share">How much of the whole walk it was, from 0 to 1; null where nobody knows.</param>
/// <param name="IsMore">Whether the worker has more to do.</param>
/// <param name="Cursor">Where a preview goes on.</param>
internal sealed record Batch(
    IReadOnlyDictionary<string, long> Counts, IReadOnlyList<JsonElement> Sample, long Rows, int Asked, double? Share, bool IsMore,
    string? Cursor)
{
    private const int SampleSize = 5;

    public static Batch Empty { get; } = new(new Dictionary<string, long>(), [], 0, 0, 0, false, null);

    public static Batch Parse(string? json)
    {
        if (json is null)
            return Empty;
        var root = JsonDocument.Parse(json).RootElement;
        return new Batch(
            Counts(root.GetProperty("counts")),
            [.. root.GetProperty("sample").EnumerateArray()],
            Number("rows")?.GetInt64() ?? 0,
            Number("asked")?.GetInt32() ?? 0,
            Number("share")?.GetDouble(),
            root.TryGetProperty("more", out var more) && more.GetBoolean(),
            root.TryGetProperty("cursor", out var cursor) ? cursor.GetRawText() : null);

        static Dictionary<string, long> Counts(JsonElement counts) =>
            counts.EnumerateObject().ToDictionary(c => c.Name, c => c.Value.GetInt64());

        JsonElement? Number(string name) =>
            root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value : null;
    }

    public static IReadOnlyDictionary<string, long> ParseCounts(string json) =>
        JsonDocument.Parse(json).RootElement.EnumerateObject().ToDictionary(c => c.Name, c => c.Value.GetInt64());

    public static IReadOnlyList<JsonElement> ParseSample(string json) => [.. JsonDocument.Parse(json).RootElement.EnumerateArray()];

    /// <summary>Counts and samples of both; the rest is the next one's.</summary>
    public Batch Add(Batch next)
    {
        var counts = new Dictionary<string, long>(Counts);
        foreach (var (name, count) in next.Counts)
            counts[name] = counts.GetValueOrDefault(name) + count;
        return next with { Counts = counts, Sample = [.. Sample.Concat(next.Sample).Take(SampleSize)] };
    }
}
