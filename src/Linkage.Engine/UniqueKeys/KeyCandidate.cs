namespace Linkage.Engine.UniqueKeys;

/// <summary>A key that a table may lack.</summary>
public sealed record KeyCandidate
{
    /// <summary>The name of the rule: that of a rule with this key, else one to register.</summary>
    public string Rule { get; init; } = "";

    /// <summary>Whether there is a rule with this key already.</summary>
    public bool IsRegistered { get; init; }

    /// <summary>The table, in SQL notation, with its schema.</summary>
    public string Table { get; init; } = "";

    /// <summary>What would be unique together: bare names of columns.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>Which rows it would be for, as SQL; null for all.</summary>
    public string? Predicate { get; init; }

    /// <summary>How likely it is meant to be unique, from 0 to 1.</summary>
    public double Score { get; init; }

    /// <summary>Why it is proposed, and what speaks against it.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>How many rows were looked at that it would be for.</summary>
    public long Rows { get; init; }

    /// <summary>How many of them share their key with another that would stay.</summary>
    public long Duplicates { get; init; }

    /// <summary>Whether all rows of the table were looked at; else duplicates that lie apart were not seen.</summary>
    public bool IsExact { get; init; }
}

/// <summary>Where to look for keys, and how much may be read.</summary>
public sealed record KeyCandidateOptions
{
    /// <summary>The tables, in SQL notation; all of the application's schema without any.</summary>
    public IReadOnlyList<string> Tables { get; init; } = [];

    /// <summary>How many rows of each table are read at most.</summary>
    public int SampleRows { get; init; } = 100_000;

    /// <summary>How long all of it may take; what was not looked at by then is left out.</summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromMinutes(1);
}

/// <summary>What was found.</summary>
/// <param name="Candidates">The likeliest first.</param>
/// <param name="LeftOut">Tables that were not looked at for want of time.</param>
public sealed record KeyCandidateReport(IReadOnlyList<KeyCandidate> Candidates, IReadOnlyList<string> LeftOut);
