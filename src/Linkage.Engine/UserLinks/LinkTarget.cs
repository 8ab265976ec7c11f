namespace Linkage.Engine.UserLinks;

/// <summary>A table whose records get a user, and what its columns are called.</summary>
public sealed record LinkTarget
{
    /// <summary>What it is called: its name in the audit.</summary>
    public string Name { get; init; } = "";

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; init; } = "";

    /// <summary>The columns of its key, in the order of the index.</summary>
    public string[] KeyColumns { get; init; } = [];

    /// <summary>The column with the phone.</summary>
    public string PhoneColumn { get; init; } = "";

    /// <summary>The column that is filled in.</summary>
    public string UserColumn { get; init; } = "";

    /// <summary>The column with the guest, through whom the event is known; null where there is none.</summary>
    public string? GuestColumn { get; init; }

    /// <summary>The column with the event; null where there is none.</summary>
    public string? EventColumn { get; init; }

    /// <summary>When it was registered, UTC; null for what is only planned.</summary>
    public DateTime? CreatedAt { get; init; }
}

/// <summary>What to register. Columns are bare names.</summary>
/// <param name="Table">The table, in SQL notation.</param>
/// <param name="PhoneColumn">The column with the phone.</param>
/// <param name="UserColumn">The column to fill in.</param>
public sealed record LinkTargetDefinition(string Table, string PhoneColumn, string UserColumn)
{
    /// <summary>The columns of the primary key or of another unique key without nulls; null for the primary key.</summary>
    public string[]? KeyColumns { get; init; }

    /// <summary>The column with the guest, unless there is one with the event.</summary>
    public string? GuestColumn { get; init; }

    /// <summary>The column with the event, unless there is one with the guest.</summary>
    public string? EventColumn { get; init; }

    /// <summary>What it is called; null for the table's name.</summary>
    public string? Name { get; init; }

    /// <summary>Whether a target of that name may be replaced by this one.</summary>
    public bool Replaces { get; init; }
}

/// <summary>What became of a registration, or would.</summary>
/// <param name="Target">The target.</param>
/// <param name="Change"><c>Registered</c>, <c>Replaced</c>, or <c>Unchanged</c> where it was registered so already.</param>
/// <param name="Warnings">What only costs time: indexes that are missing, with the statements that create them.</param>
public sealed record LinkTargetRegistration(LinkTarget Target, string Change, IReadOnlyList<string> Warnings);

/// <summary>A target that is registered no more, or would be, and what stays of it beside its audit.</summary>
/// <param name="Target">The target.</param>
/// <param name="Runs">Its runs that could be undone if it were registered again.</param>
/// <param name="Suppressions">What undoes keep from being linked again.</param>
public sealed record LinkTargetRemoval(LinkTarget Target, long Runs, long Suppressions);
