using System.Text;
using System.Text.Json;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Runs;

/// <summary>The first five records that a run examined, a line each: <c>RECORD: linked to USER (guest)</c>.</summary>
public sealed class RunSample : TextList
{
    internal RunSample(IEnumerable<JsonElement> examined)
        : base(examined.Select(Line))
    {
    }

    private static string Line(JsonElement examined)
    {
        var line = new StringBuilder($"{Text(examined, "record")}: {Text(examined, "outcome")}");
        if (Text(examined, "user") is { } user)
            line.Append(" to ").Append(user);
        string?[] why = [Text(examined, "rule"), Text(examined, "reason")];
        if (why.OfType<string>().ToList() is { Count: > 0 } reasons)
            line.Append(" (").AppendJoin(": ", reasons).Append(')');
        return line.ToString();
    }

    private static string? Text(JsonElement examined, string name) =>
        examined.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.ToString() : null;
}
