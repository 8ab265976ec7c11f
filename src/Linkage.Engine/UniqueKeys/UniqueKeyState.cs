using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UniqueKeys;

/// <summary>What stands of a rule's key.</summary>
public sealed record UniqueKeyState
{
    /// <summary>The rule.</summary>
    public string Rule { get; init; } = "";

    /// <summary>Its table, in SQL notation.</summary>
    public string Table { get; init; } = "";

    /// <summary>
    /// Enforced (a valid unique index keeps duplicates out), Missing, Invalid (a failed build left an index), Different (the name is
    /// that of something else).
    /// </summary>
    public string State { get; init; } = "";

    /// <summary>The index that enforces it, or has its name; null if there is none.</summary>
    public string? Index { get; init; }

    /// <summary>That index as it is; null if it is none of the table.</summary>
    public string? ActualDefinition { get; init; }

    /// <summary>The index that the rule wants.</summary>
    public string Definition { get; init; } = "";

    /// <summary>How many groups of rows share a key.</summary>
    public long Groups { get; init; }

    /// <summary>How many rows share their key with one that would stay.</summary>
    public long Duplicates { get; init; }

    /// <summary>The role that owns the table, if the one that is connected may not act as it; else null.</summary>
    internal string? OwnedBy { get; init; }

    internal string IndexName { get; init; } = "";

    internal string IndexRest { get; init; } = "";

    internal IndexDefinition IndexDefinition => new(IndexName, Table, IndexRest, IsUnique: true);
}

/// <summary>How a key is built.</summary>
public sealed record UniqueKeyOptions
{
    /// <summary>After how long the build of the index is given up; null for never. Removing duplicates before it does not count.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>How long the build waits for its lock on the table; null for as long as it takes.</summary>
    public TimeSpan? LockTimeout { get; init; }

    /// <summary>
    /// Removes the duplicates of the rule of that name, journaled, and says what became of it; null if rows that are there twice are an error.
    /// </summary>
    public Func<string, CancellationToken, Task<RunResult>>? RemoveDuplicates { get; init; }

    /// <summary>Told how far the build is.</summary>
    public Action<IndexProgress>? Progress { get; init; }

    /// <summary>Told whom it waits for, and what comes next.</summary>
    public Action<string>? Waiting { get; init; }
}

/// <summary>What became of a key.</summary>
/// <param name="State">What stands of it now.</param>
/// <param name="IsAdded">Whether it was built just now.</param>
/// <param name="RunIds">The runs that removed duplicates before.</param>
public sealed record UniqueKeyResult(UniqueKeyState State, bool IsAdded, IReadOnlyList<Guid> RunIds);
