using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Customers;

/// <summary>How leads are grouped into persons; see docs/customers.md.</summary>
/// <param name="Match">Priority or Transitive.</param>
/// <param name="MaxShared">How many records may share an identifier for it to say something; of transitive groups.</param>
/// <param name="Evidence">Whether names and addresses are evidence, where they are mapped; of transitive groups.</param>
public sealed record CustomerMatch(string Match = "Priority", int MaxShared = CustomerMatch.UsualMaxShared, bool Evidence = true)
{
    /// <summary>What a family or a shop shares at most, as a rule.</summary>
    public const int UsualMaxShared = 20;

    /// <summary>Of fewer records an identifier would join none.</summary>
    public const int LeastMaxShared = 2;

    /// <summary>As good as no limit.</summary>
    public const int GreatestMaxShared = 1_000_000;
}

/// <summary>
/// Gives leads their customers, and what follows the leads too. Counts: processed (groups), customers_created, customers_reused, leads_linked,
/// leads_already_linked, leads_left_out (changed meanwhile: the next run decides), jobs_linked and jobs_already_linked (rows of every table that
/// follows leads), groups_by_psid, groups_by_phone, groups_by_email, groups_of_one, failed_groups (the journal has the reason).
/// </summary>
/// <param name="database">Where they are.</param>
public sealed class CustomerBackfill(LinkageDatabase database)
{
    /// <summary>Links every lead that has no customer when the run starts.</summary>
    /// <param name="match">Which leads are one person.</param>
    /// <param name="options">How; a batch is that many groups.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    /// <exception cref="LinkageException">
    /// Linkage, or its customers, are not installed; no leads or customers are registered; customers can't be made as their table is; or
    /// another run is at work on them.
    /// </exception>
    public Task<RunResult> RunAsync(
        CustomerMatch match, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var how = new { match = match.Match, maxShared = match.MaxShared, evidence = match.Evidence };
        return new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.customer_backfill_work(@match)::text", how)
            {
                RecordedParameters = JsonSerializer.Serialize(new { match.Match, match.MaxShared, match.Evidence, options.BatchSize }),
                Supply = (session, runId) => session.ExecuteAsync(
                    "SELECT linkage.list_customer_groups(@runId, @match, @maxShared, @evidence)",
                    new { runId, how.match, how.maxShared, how.evidence }),
                Preview = (session, _) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_customer_backfill(@match, @maxShared, @evidence)::text", how),
            },
            options, progress, cancellation);
    }
}
