using System.Text.Json;

namespace Linkage.Engine.Runs;

/// <summary>
/// What the database returns of a batch: <c>{"counts", "sample", "rows", "cursor"}</c>, or <c>"takes_long"</c> where the next one needs time.
/// </summary>
internal sealed record Batch(IReadOnlyDictionary<string, long> Counts, IReadOnlyList<JsonElement> Sample, long Rows, string? Cursor, bool TakesLong = false)
{
    private const int SampleSize = 5;

    public static Batch Empty { get; } = new(new Dictionary<string, long>(), [], 0, null);

    public static Batch Parse(string? json)
    {
        if (json is null)
            return Empty;
        var root = JsonDocument.Parse(json).RootElement;
        return new Batch(
            Counts(root.GetProperty("counts")),
            [.. root.GetProperty("sample").EnumerateArray()],
            root.TryGetProperty("rows", out var rows) ? rows.GetInt64() : 0,
            root.TryGetProperty("cursor", out var cursor) ? cursor.GetRawText() : null,
            root.TryGetProperty("takes_long", out _));

        static Dictionary<string, long> Counts(JsonElement counts) =>
            counts.EnumerateObject().ToDictionary(c => c.Name, c => c.Value.GetInt64());
    }

    public static IReadOnlyDictionary<string, long> ParseCounts(string json) =>
        JsonDocument.Parse(json).RootElement.EnumerateObject().ToDictionary(c => c.Name, c => c.Value.GetInt64());

    public static IReadOnlyList<JsonElement> ParseSample(string json) => [.. JsonDocument.Parse(json).RootElement.EnumerateArray()];

    public Batch Add(Batch next)
    {
        var counts = new Dictionary<string, long>(Counts);
        foreach (var (name, count) in next.Counts)
            counts[name] = counts.GetValueOrDefault(name) + count;
        return new Batch(counts, [.. Sample.Concat(next.Sample).Take(SampleSize)], Rows + next.Rows, next.Cursor);
    }
}
