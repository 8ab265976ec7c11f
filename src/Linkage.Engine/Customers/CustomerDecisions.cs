using Linkage.Engine.Database;

namespace Linkage.Engine.Customers;

/// <summary>What somebody decided about two leads.</summary>
public sealed record CustomerDecision
{
    /// <summary>The key of one of them, the lesser one.</summary>
    public string LeadA { get; init; } = "";

    /// <summary>The key of the other.</summary>
    public string LeadB { get; init; } = "";

    /// <summary>must-link (they are one person) or cannot-link (they are not).</summary>
    public string Decision { get; init; } = "";

    /// <summary>Why.</summary>
    public string? Reason { get; init; }

    /// <summary>Who decided it: a role of the server.</summary>
    public string DecidedBy { get; init; } = "";

    /// <summary>When; UTC.</summary>
    public DateTime DecidedAt { get; init; }
}

/// <summary>Holds what people decided about leads. It goes before every rule, and outlasts runs.</summary>
/// <param name="database">Where.</param>
public sealed class CustomerDecisions(LinkageDatabase database)
{
    private const string Columns =
        """
        d.lead_a AS "LeadA", d.lead_b AS "LeadB", d.decision AS "Decision", d.reason AS "Reason", d.decided_by AS "DecidedBy",
        d.decided_at AS "DecidedAt"
        """;

    /// <summary>All decisions, the oldest first.</summary>
    /// <exception cref="LinkageException">Linkage, or its customers, are not installed.</exception>
    public IAsyncEnumerable<CustomerDecision> FindAsync(CancellationToken cancellation) =>
        database.StreamAsync<CustomerDecision>(
            $"SELECT {Columns} FROM linkage.customer_decision d ORDER BY d.decided_at, d.lead_a, d.lead_b",
            null,
            "Linkage Get-CustomerDecision",
            cancellation);

    /// <summary>Puts a decision down, or only says what it would be. One that is there already gets the new reason.</summary>
    /// <param name="lead">The key of a lead.</param>
    /// <param name="other">The key of another.</param>
    /// <param name="decision">must-link or cannot-link.</param>
    /// <param name="reason">Why.</param>
    /// <param name="isPlan">Whether nothing is to be written.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">There is no such lead, or it contradicts other decisions; the message has the chain.</exception>
    public Task<CustomerDecision> AddAsync(
        string lead, string other, string decision, string? reason, bool isPlan, CancellationToken cancellation) =>
        ChangeAsync(
            "Add-CustomerDecision", $"SELECT {Columns} FROM linkage.decide_leads(@lead, @other, @decision, @reason, @isPlan) d",
            new { lead, other, decision, reason, isPlan }, isPlan, cancellation);

    /// <summary>Takes a decision back, or only says which it would be.</summary>
    /// <param name="lead">The key of one of the leads.</param>
    /// <param name="other">The key of the other.</param>
    /// <param name="isPlan">Whether nothing is to be written.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">Nothing was decided about them.</exception>
    public Task<CustomerDecision> RemoveAsync(string lead, string other, bool isPlan, CancellationToken cancellation) =>
        ChangeAsync(
            "Remove-CustomerDecision", $"SELECT {Columns} FROM linkage.forget_decision(@lead, @other, @isPlan) d",
            new { lead, other, isPlan }, isPlan, cancellation);

    private Task<CustomerDecision> ChangeAsync(
        string cmdlet, string sql, object parameters, bool isPlan, CancellationToken cancellation) =>
        database.TransactAsync(
            (isPlan ? TransactionOptions.ReadOnly : TransactionOptions.ReadWrite) with { ApplicationName = $"Linkage {cmdlet}" },
            session => session.QuerySingleAsync<CustomerDecision>(sql, parameters),
            cancellation);
}
