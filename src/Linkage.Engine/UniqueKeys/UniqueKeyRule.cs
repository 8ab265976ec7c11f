namespace Linkage.Engine.UniqueKeys;

/// <summary>Which rows of a table may not share a key, and who stays where some do.</summary>
public sealed record UniqueKeyRule
{
    /// <summary>Its name, which is that of the index it wants.</summary>
    public string Name { get; init; } = "";

    /// <summary>The table, in SQL notation, with its schema.</summary>
    public string Table { get; init; } = "";

    /// <summary>What must be unique together: columns in SQL notation, or expressions in parentheses.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>Which rows the rule is for, as SQL on the table's columns; null for all.</summary>
    public string? Predicate { get; init; }

    /// <summary>Who of several stays, as items of ORDER BY; then the oldest.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>What becomes of rows of other tables that clash once they refer to who stays: KeepSurvivor, KeepNewest or Fail.</summary>
    public string OnConflict { get; init; } = "KeepSurvivor";

    /// <summary>Whether nulls make no duplicates.</summary>
    public bool NullsDistinct { get; init; } = true;

    /// <summary>Where it comes from: built in, expected (a key that should be there already), or registered.</summary>
    public string Origin { get; init; } = "registered";

    /// <summary>The index that it wants.</summary>
    public string Definition { get; init; } = "";

    /// <summary>Who registered it.</summary>
    public string RegisteredBy { get; init; } = "";

    /// <summary>When, UTC; null for what is only planned.</summary>
    public DateTime? RegisteredAt { get; init; }
}

/// <summary>What somebody wants to register.</summary>
public sealed record UniqueKeyRequest
{
    /// <summary>The rule's name, and that of the index: 63 bytes at most.</summary>
    public required string Name { get; init; }

    /// <summary>The table, in SQL notation.</summary>
    public required string Table { get; init; }

    /// <summary>What must be unique together: bare names of columns, or expressions in parentheses.</summary>
    public required IReadOnlyList<string> Keys { get; init; }

    /// <summary>Which rows the rule is for, as SQL on the table's columns; null for all.</summary>
    public string? Predicate { get; init; }

    /// <summary>Who of several stays, as items of ORDER BY.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>KeepSurvivor, KeepNewest or Fail.</summary>
    public string OnConflict { get; init; } = "KeepSurvivor";

    /// <summary>Whether nulls make no duplicates. Without it, PostgreSQL 15 or later is needed.</summary>
    public bool NullsDistinct { get; init; } = true;
}

/// <summary>What became of a registration, or would.</summary>
/// <param name="Rule">The rule, its keys and predicate as the server writes them.</param>
/// <param name="Change"><c>Registered</c>, <c>Replaced</c>, or <c>Unchanged</c> where it was registered so already.</param>
public sealed record UniqueKeyRegistration(UniqueKeyRule Rule, string Change);
