using System.Text.Json;

namespace Linkage.Engine.Runs;

/// <summary>How a run goes on: what <c>Set-LinkageRun</c> can change from another session while it does.</summary>
public sealed record RunSettings
{
    /// <summary>How many workers share the walk, each on a connection of its own.</summary>
    public int ThrottleLimit { get; init; } = 2;

    /// <summary>How long a batch should take; its size follows.</summary>
    public TimeSpan TargetBatchTime { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>After how long in this session the run stops, between two batches; null for no limit.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>As <c>linkage.run.settings</c> keeps it.</summary>
    internal string ToJson() => JsonSerializer.Serialize(new
    {
        throttle_limit = ThrottleLimit,
        target_batch_ms = TargetBatchTime.TotalMilliseconds,
        max_duration_s = MaxDuration?.TotalSeconds,
    });

    /// <summary>These settings with what the database has instead.</summary>
    internal RunSettings With(JsonElement settings) => this with
    {
        ThrottleLimit = (int)(Number(settings, "throttle_limit") ?? ThrottleLimit),
        TargetBatchTime = Number(settings, "target_batch_ms") is { } batch ? TimeSpan.FromMilliseconds(batch) : TargetBatchTime,
        MaxDuration = Number(settings, "max_duration_s") is { } duration ? TimeSpan.FromSeconds(duration) : null,
    };

    private static double? Number(JsonElement settings, string name) =>
        settings.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
