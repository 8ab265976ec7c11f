using System.Text.Json;

namespace Linkage.Engine.Checks;

/// <summary>Details that a SQL function gives as a JSON object, as plain values: text, numbers, Booleans and UTC times.</summary>
internal static class CheckDetails
{
    public static Dictionary<string, object?> Read(string json) =>
        JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!
            .ToDictionary(detail => detail.Key, detail => Plain(detail.Value));

    private static object? Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
        JsonValueKind.Number => value.TryGetInt64(out var whole) ? (object)whole : value.GetDouble(),
        JsonValueKind.String when value.TryGetDateTimeOffset(out var time) => time.UtcDateTime,
        _ => value.ToString(),
    };
}
