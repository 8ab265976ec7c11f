using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Customers;

/// <summary>When to complain.</summary>
public sealed record CustomerCheckOptions
{
    /// <summary>How many leads a customer may have before it is unusually large.</summary>
    public int MaxLeads { get; init; } = 5;

    /// <summary>How long ago the last backfill may be.</summary>
    public TimeSpan AuditAge { get; init; } = TimeSpan.FromDays(7);
}

/// <summary>Checks that leads, customers and what follows leads belong together as they should. Writes nothing.</summary>
/// <param name="database">Where.</param>
public sealed class CustomerChecks(LinkageDatabase database)
{
    /// <summary>The checks, in their stable order.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "LeadsWithoutCustomer", "JobsWithoutCustomer", "JobsDisagreeWithLead", "LargeCustomers", "DuplicatePhones", "DuplicateEmails",
        "CustomersWithoutLeads", "NoCustomers", "NoRecentAudit",
    ];

    /// <summary>
    /// All checks. One whose table or column is not registered is <see cref="CheckStatus.Unknown"/>; so are all where the component is not
    /// installed.
    /// </summary>
    /// <exception cref="PostgresException">The server refused, for want of a privilege for instance.</exception>
    public async Task<IReadOnlyList<CheckResult>> CheckAsync(CustomerCheckOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            var rows = await database.TransactAsync(
                TransactionOptions.ReadOnly with { ApplicationName = "Linkage Test-CustomerLinkage" },
                session => session.QueryAsync<Row>(
                    """
                    SELECT
                      c.check_name AS "Check", c.status AS "Status", c.value::double precision AS "Value",
                      c.threshold::double precision AS "Threshold", c.message AS "Message", c.details::text AS "Details"
                    FROM linkage.customer_checks(@MaxLeads, @AuditAge) c
                    """,
                    options),
                cancellation);
            return [.. rows.Select(row => row.Result)];
        }
        catch (Exception fault) when (MissingObjects.Problem(fault) is { } problem)
        {
            return [.. Names.Select(name => CheckResult.Unknown(name, problem))];
        }
    }

    private sealed record Row(string Check, string Status, double? Value, double? Threshold, string Message, string Details)
    {
        public CheckResult Result =>
            new(Check, Enum.Parse<CheckStatus>(Status, ignoreCase: true), Value, Threshold, Message, CheckDetails.Read(Details));
    }
}
