namespace Linkage.Engine.Tests.Customers.Quality;

/// <summary>A lead, and who it is in truth.</summary>
internal sealed record LabelledLead
{
    public required string Id { get; init; }

    public required string Entity { get; init; }

    public string? Name { get; init; }

    public string? Phone { get; init; }

    public string? Email { get; init; }

    public string? Address { get; init; }
}
