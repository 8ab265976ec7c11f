using Linkage.Engine.Database;

namespace Linkage.Engine.Customers;

/// <summary>Who a customer is by now.</summary>
public sealed record ResolvedCustomer
{
    /// <summary>The id that was asked about.</summary>
    public string Asked { get; init; } = "";

    /// <summary>The customer that it is by now, itself where it was not merged; null where the text is no id of a customer.</summary>
    public string? CustomerId { get; init; }

    /// <summary>Whether there is a row of it.</summary>
    public bool Exists { get; init; }

    /// <summary>How many merges lie between.</summary>
    public int Steps { get; init; }

    /// <summary>The run that merged it; null where none did.</summary>
    public Guid? RunId { get; init; }

    /// <summary>When that was; UTC.</summary>
    public DateTime? MergedAt { get; init; }
}

/// <summary>Follows merged customers to those that took their place.</summary>
/// <param name="database">Where they are.</param>
public sealed class CustomerRedirects(LinkageDatabase database)
{
    /// <summary>Who these customers are by now, in that order.</summary>
    /// <exception cref="LinkageException">Linkage, or its customers, are not installed; or none are registered.</exception>
    public Task<IReadOnlyList<ResolvedCustomer>> ResolveAsync(IReadOnlyList<string> customers, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Resolve-Customer" },
            session => session.QueryAsync<ResolvedCustomer>(
                """
                SELECT
                  i.id AS "Asked", r.customer_id AS "CustomerId", COALESCE(r.is_there, false) AS "Exists", COALESCE(r.steps, 0) AS "Steps",
                  r.run_id AS "RunId", r.merged_at AS "MergedAt"
                FROM unnest(@ids::text[]) WITH ORDINALITY AS i (id, ordinal)
                CROSS JOIN LATERAL linkage.resolve_customer(i.id) r
                ORDER BY i.ordinal
                """,
                new { ids = customers.ToArray() }),
            cancellation);
}
