using Linkage.Engine.Database;

namespace Linkage.Engine.Customers;

/// <summary>Leads that are one person, and the customer that is theirs.</summary>
public sealed record CustomerGroup
{
    /// <summary>By what they are a group: psid, phone, email or individual.</summary>
    public string GroupType { get; init; } = "";

    /// <summary>What tells the group from all others, such as <c>phone:+15551234567</c>.</summary>
    public string GroupKey { get; init; } = "";

    /// <summary>The keys of its leads, the oldest first.</summary>
    public string[] LeadIds { get; init; } = [];

    /// <summary>Of each of them, whether it has a customer already.</summary>
    public bool[] IsLinked { get; init; } = [];

    /// <summary>The customer that is there already; null where one would be made.</summary>
    public string? CustomerId { get; init; }

    /// <summary>The name of a customer that is made.</summary>
    public string? Name { get; init; }

    /// <summary>Its phone.</summary>
    public string? Phone { get; init; }

    /// <summary>Its e-mail.</summary>
    public string? Email { get; init; }

    /// <summary>What somebody should know who asks why; null for nothing.</summary>
    public string? Reason { get; init; }
}

/// <summary>Why a lead is in its group.</summary>
public sealed record ExplainedLead
{
    /// <summary>The lead's key.</summary>
    public string LeadId { get; init; } = "";

    /// <summary>Its group's key.</summary>
    public string GroupKey { get; init; } = "";

    /// <summary>
    /// What put it there: <c>decision</c>, an identifier that others of the group have too, or the group's key where it stands alone.
    /// </summary>
    public string Via { get; init; } = "";

    /// <summary>Identifiers that others have too and that joined it to none of those, each with the reason.</summary>
    public string[] Refused { get; init; } = [];
}

/// <summary>Shows how leads group into persons. Nothing is written.</summary>
/// <param name="database">Where they are.</param>
public sealed class CustomerGroups(LinkageDatabase database)
{
    private const string Application = "Linkage Get-CustomerGroup";

    /// <summary>All groups, as they are read; those of the first leads in the table first.</summary>
    /// <param name="match">Which leads are one person.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">Linkage's customers are not installed, or no leads or customers are registered.</exception>
    public IAsyncEnumerable<CustomerGroup> FindAsync(CustomerMatch match, CancellationToken cancellation) =>
        database.StreamAsync<CustomerGroup>(
            """
            SELECT
              g.group_type AS "GroupType", g.group_key AS "GroupKey", g.lead_ids AS "LeadIds", g.is_linked AS "IsLinked",
              g.customer_id AS "CustomerId", g.name AS "Name", g.phone AS "Phone", g.email AS "Email", g.reason AS "Reason"
            FROM linkage.customer_groups(@Match, @MaxShared, @Evidence) g
            """,
            match,
            Application,
            cancellation);

    /// <summary>Every lead, with what put it into its group and what was refused, as they are read.</summary>
    /// <inheritdoc cref="FindAsync"/>
    public IAsyncEnumerable<ExplainedLead> ExplainAsync(CustomerMatch match, CancellationToken cancellation) =>
        database.StreamAsync<ExplainedLead>(
            """
            SELECT e.lead_id AS "LeadId", e.group_key AS "GroupKey", e.via AS "Via", e.refused AS "Refused"
            FROM linkage.explained_leads(@Match, @MaxShared, @Evidence) e
            """,
            match,
            Application,
            cancellation);
}
