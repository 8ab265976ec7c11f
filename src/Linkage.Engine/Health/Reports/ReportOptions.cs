namespace Linkage.Engine.Health.Reports;

/// <summary>What a report covers.</summary>
public sealed record ReportOptions
{
    /// <summary>Where its period begins; UTC.</summary>
    public required DateTime Since { get; init; }

    /// <summary>Where its period ends, itself not in it; UTC. Status, ghosts, orphans and duplicates are always those of now.</summary>
    public required DateTime Until { get; init; }

    /// <summary>How many rows a list shows at most; its true length is told beside it.</summary>
    public int First { get; init; } = 25;
}
