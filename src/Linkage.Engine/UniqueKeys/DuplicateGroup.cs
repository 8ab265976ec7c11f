namespace Linkage.Engine.UniqueKeys;

/// <summary>Rows that share a key which a rule says is unique.</summary>
public sealed record DuplicateGroup
{
    /// <summary>What they share: the key's values, a comma between them.</summary>
    public string Key { get; init; } = "";

    /// <summary>The row that stays: the values of its primary key, or of another unique one without nulls, by column, as a JSON object.</summary>
    public string Survivor { get; init; } = "";

    /// <summary>The others, in the rule's order, likewise.</summary>
    public string[] Duplicates { get; init; } = [];

    /// <summary>How many rows of each table refer to the others, as a JSON object.</summary>
    public string Referring { get; init; } = "";
}
