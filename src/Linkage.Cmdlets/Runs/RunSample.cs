using System.Collections.ObjectModel;
using System.Text;
using System.Text.Json;

namespace Linkage.Cmdlets.Runs;

/// <summary>The first five records that a run examined, a line each: <c>RECORD: linked to USER (guest)</c>.</summary>
public sealed class RunSample : ReadOnlyCollection<string>
{
    internal RunSample(IEnumerable<JsonElement> examined)
        : base([.. examined.Select(Line)])
    {
    }

    /// <summary>All lines in one, as a CSV file wants it.</summary>
    public override string ToString() => string.Join("; ", this);

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
