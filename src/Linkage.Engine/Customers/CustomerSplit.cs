using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Customers;

/// <summary>What a customer that is made by a split is given; null for what its leads have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Phone">Its phone; empty for none.</param>
/// <param name="Email">Its e-mail; empty for none.</param>
public sealed record NewCustomer(string? Name = null, string? Phone = null, string? Email = null);

/// <summary>
/// Splits leads off a customer: they, and the rows that follow them, go to a customer that is made for them, in one transaction. Counts:
/// created, moved, and by table <c>moved TABLE</c>; the sample's <c>customer</c> is the new one.
/// </summary>
/// <param name="database">Where they are.</param>
public sealed class CustomerSplit(LinkageDatabase database)
{
    /// <summary>Splits them off.</summary>
    /// <param name="customer">The customer that they leave.</param>
    /// <param name="leads">The leads, all of them that customer's.</param>
    /// <param name="made">What the new one is given.</param>
    /// <param name="options">How; it is one batch whatever its size.</param>
    /// <param name="progress">Told when it is done.</param>
    /// <param name="cancellation">Leaves everything as it was.</param>
    /// <exception cref="LinkageException">
    /// The customer is unknown, a lead is not its, or something keeps the rows from being moved.
    /// </exception>
    public Task<RunResult> RunAsync(
        string customer, IReadOnlyList<string> leads, NewCustomer made, RunOptions options, Action<RunProgress> progress,
        CancellationToken cancellation)
    {
        var ids = leads.ToArray();
        var given = JsonSerializer.Serialize(new { name = made.Name, phone = made.Phone, email = made.Email });
        return new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.customer_split_work(@customer, @ids::text[], @given::jsonb)::text", new { customer, ids, given })
            {
                RecordedParameters = JsonSerializer.Serialize(new { customer, leads = ids, made.Name, made.Phone, made.Email }),
                Preview = (session, work) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_single_batch(@work::jsonb)::text", new { work }),
            },
            options with { BatchSize = 1 }, progress, cancellation);
    }
}
