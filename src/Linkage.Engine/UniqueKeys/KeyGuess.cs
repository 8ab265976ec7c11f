namespace Linkage.Engine.UniqueKeys;

/// <summary>A key that a table's columns suggest, before any row was looked at.</summary>
/// <param name="Subject">What it identifies rows by.</param>
/// <param name="Columns">All its columns, in the order of the key.</param>
/// <param name="State">The column that says how far a row is, which may limit the key; null if there is none.</param>
internal sealed record KeyGuess(KeyRole Subject, IReadOnlyList<KeyColumn> Columns, KeyColumn? State)
{
    /// <summary>States of rows that are not done with: of those there may be just one.</summary>
    public static IReadOnlyList<string> OpenStates { get; } =
        ["pending", "open", "queued", "active", "new", "scheduled", "waiting", "draft", "running", "in_progress"];

    /// <summary>
    /// What the columns of a table suggest. An external id stands with its tenant and its source; where there is none, what identifies
    /// things in the world, each by itself; where there is none of those either, what a row belongs to. The wider key is proposed, as it
    /// asks for less.
    /// </summary>
    public static IEnumerable<KeyGuess> Of(IReadOnlyList<KeyColumn> table)
    {
        KeyColumn[] In(KeyRole role) => [.. table.Where(c => c.Role == role)];
        var (tenants, sources, states) = (In(KeyRole.Tenant), In(KeyRole.Source), In(KeyRole.State));
        var state = states.Length == 1 ? states[0] : null;
        var external = In(KeyRole.ExternalId);
        if (external.Length > 0)
            return external.Select(id => new KeyGuess(KeyRole.ExternalId, [.. tenants, .. sources, id], state));

        var references = In(KeyRole.Reference).Where(r => r.IsNotNull).ToArray();
        var identifiers = In(KeyRole.Identifier);
        if (identifiers.Length > 0)
            return identifiers.Select(i => new KeyGuess(KeyRole.Identifier, [.. tenants, .. references, .. sources, i], state));

        // One that a row may lack stands for it only if nothing else does.
        if (references.Length == 0)
            references = In(KeyRole.Reference) is [var only] ? [only] : [];
        return references.Length > 0 ? [new KeyGuess(KeyRole.Reference, [.. tenants, .. references, .. sources], state)] : [];
    }

    /// <summary>Whether an index on some columns is as strict, or stricter.</summary>
    public bool IsCoveredBy(IReadOnlyList<string> columns) => columns.All(c => Columns.Any(k => k.Column == c));

    /// <summary>
    /// Whether the statistics alone say that far too many rows share it: the values of its columns, in all combinations, are fewer than
    /// half of the rows.
    /// </summary>
    public bool IsRuledOut => State is null && Columns[0].EstimatedRows > 1000 && Columns.All(c => c.DistinctValues is not null)
        && Columns.Aggregate(1.0, (combinations, c) => combinations * Math.Max(c.DistinctValues!.Value, 1))
            < Columns[0].EstimatedRows * (1 - Columns.Max(c => c.NullShare)) / 2;
}
