using System.Text.Json;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>A row of <c>auth.users</c>, as far as it matters for profiles.</summary>
internal sealed record Account
{
    public string Id { get; init; } = Guid.NewGuid().ToString();

    public string? Email { get; init; }

    /// <summary>Digits without a plus, as the authentication server keeps them.</summary>
    public string? Phone { get; init; }

    /// <summary>JSON: what the user said of itself; null where the column is null.</summary>
    public string? Metadata { get; init; } = "{}";

    public bool IsAnonymous { get; init; }

    public bool IsSso { get; init; }

    public DateTime? DeletedAt { get; init; }

    public DateTime? EmailConfirmedAt { get; init; }

    public DateTime? PhoneConfirmedAt { get; init; }

    public DateTime CreatedAt { get; init; } = new(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public DateTime UpdatedAt { get; init; } = new(2024, 6, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Whether it is to have a profile.</summary>
    public bool IsActive => !IsAnonymous && DeletedAt is null;

    /// <summary>A text of the metadata; null where it is missing, empty or no text.</summary>
    public string? Said(string field)
    {
        if (Metadata is null || JsonDocument.Parse(Metadata).RootElement is not { ValueKind: JsonValueKind.Object } said)
            return null;
        return said.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : null;
    }
}
