namespace Linkage.Engine.Customers;

/// <summary>A table of customers, leads or what belongs to them, and what its columns are called.</summary>
public sealed record CustomerTable
{
    /// <summary>What is in it: lead, customer, address, audit or follower (rows that follow a lead).</summary>
    public string Role { get; init; } = "";

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; init; } = "";

    /// <summary>Its columns by what they are for: key, name, phone, email, psid, address, customer, lead, metadata, created_at, action, payload.</summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = new Dictionary<string, string>();

    /// <summary>Who registered it.</summary>
    public string RegisteredBy { get; init; } = "";

    /// <summary>When, UTC; null for what is only planned.</summary>
    public DateTime? RegisteredAt { get; init; }
}

/// <summary>What became of a registration, or would.</summary>
/// <param name="Table">The table.</param>
/// <param name="Change"><c>Registered</c>, <c>Replaced</c>, or <c>Unchanged</c> where it was registered so already.</param>
/// <param name="Warnings">What only costs time: indexes that are missing, with the statements that create them.</param>
public sealed record CustomerTableRegistration(CustomerTable Table, string Change, IReadOnlyList<string> Warnings);
