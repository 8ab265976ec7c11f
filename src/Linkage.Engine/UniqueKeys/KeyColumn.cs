using System.Text.RegularExpressions;

namespace Linkage.Engine.UniqueKeys;

/// <summary>What a column is to a key, by its name, its type and the catalog.</summary>
internal enum KeyRole
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Whose row it is: keys are unique within it.</summary>
    Tenant,

    /// <summary>Where or by what way a row came: ids of one source mean nothing in another.</summary>
    Source,

    /// <summary>An id that somebody else gave.</summary>
    ExternalId,

    /// <summary>What tells things apart in the world: an e-mail, a number.</summary>
    Identifier,

    /// <summary>What it belongs to.</summary>
    Reference,

    /// <summary>How far it is.</summary>
    State,
}

/// <summary>A column that a key may be of.</summary>
internal sealed partial record KeyColumn
{
    public string Table { get; init; } = "";

    public string TableName { get; init; } = "";

    public double EstimatedRows { get; init; }

    public string Column { get; init; } = "";

    public string TypeCategory { get; init; } = "";

    public bool IsNotNull { get; init; }

    public bool IsForeignKey { get; init; }

    public bool IsPrimaryKey { get; init; }

    public double NullShare { get; init; }

    public double? DistinctValues { get; init; }

    /// <summary>What it is to a key. A column of the primary key is nothing: it is unique already, or part of what is.</summary>
    public KeyRole Role
    {
        get
        {
            // text, numbers, enums, and what has a category of its own, as uuid has
            if (IsPrimaryKey || TypeCategory is not ("S" or "N" or "E" or "U"))
                return KeyRole.None;
            var name = Camel().Replace(Column, "_$0").ToUpperInvariant();
            if (Tenant().IsMatch(name))
                return KeyRole.Tenant;
            if (TypeCategory != "U" && State().IsMatch(name))
                return KeyRole.State;
            if (!IsForeignKey && External().IsMatch(name))
                return KeyRole.ExternalId;
            if (Source().IsMatch(name))
                return KeyRole.Source;
            if (!IsForeignKey && TypeCategory == "S" && Identifier().IsMatch(name))
                return KeyRole.Identifier;
            return IsForeignKey || name.EndsWith("_ID", StringComparison.Ordinal) ? KeyRole.Reference : KeyRole.None;
        }
    }

    [GeneratedRegex("(?<=[a-z0-9])[A-Z]")]
    private static partial Regex Camel();

    [GeneratedRegex("^(TEAM|TENANT|ORG|ORGANI[SZ]ATION|WORKSPACE|COMPANY|ACCOUNT)_ID$")]
    private static partial Regex Tenant();

    [GeneratedRegex("^(STATUS|STATE)$")]
    private static partial Regex State();

    [GeneratedRegex("(^|_)(EXTERNAL|SOURCE_RECORD|REMOTE|FOREIGN|VENDOR|UPSTREAM|LEGACY|IMPORT|PARTNER|ORIGIN)_(ID|KEY|REF|REFERENCE|NUMBER|NO|UUID)$|(^|_)SID$")]
    private static partial Regex External();

    [GeneratedRegex("^(SOURCE|SOURCE_FILE|SOURCE_SYSTEM|PROVIDER|PLATFORM|VENDOR|INTEGRATION(_ID)?|CHANNEL|AGENT|MODULE)$")]
    private static partial Regex Source();

    [GeneratedRegex("(^|_)(EMAIL|PHONE|NUMBER|SLUG|SKU|USERNAME|HANDLE|FIELD|ISBN|VIN)$")]
    private static partial Regex Identifier();
}
