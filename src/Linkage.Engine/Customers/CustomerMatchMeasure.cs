using Linkage.Engine.Database;

namespace Linkage.Engine.Customers;

/// <summary>How good a grouping is. Pairs are pairs of labelled leads.</summary>
public sealed record CustomerMatchScore
{
    /// <summary>Labelled leads that are there.</summary>
    public long Leads { get; init; }

    /// <summary>Labelled leads that are not.</summary>
    public long Missing { get; init; }

    /// <summary>Pairs that are one person in truth.</summary>
    public long TruePairs { get; init; }

    /// <summary>Pairs that were put together.</summary>
    public long JoinedPairs { get; init; }

    /// <summary>Pairs that were put together and are one person.</summary>
    public long RightPairs { get; init; }

    /// <summary>Groups with leads of more than one person.</summary>
    public long OverMerged { get; init; }

    /// <summary>Persons whose leads are in more than one group.</summary>
    public long UnderMerged { get; init; }

    /// <summary>The part of the joined pairs that is right; null where none was joined.</summary>
    public double? Precision => JoinedPairs == 0 ? null : (double)RightPairs / JoinedPairs;

    /// <summary>The part of the true pairs that was joined; null where there are none.</summary>
    public double? Recall => TruePairs == 0 ? null : (double)RightPairs / TruePairs;

    /// <summary>The harmonic mean of precision and recall; null where there are no pairs of either kind.</summary>
    public double? F1 => TruePairs + JoinedPairs == 0 ? null : 2.0 * RightPairs / (TruePairs + JoinedPairs);
}

/// <summary>Scores groupings against labels.</summary>
/// <param name="database">Where the leads are.</param>
public sealed class CustomerMatchMeasure(LinkageDatabase database)
{
    /// <summary>
    /// Scores the customers that leads have now, or a way to group them. Leads without label do not count. Nothing is written.
    /// </summary>
    /// <param name="labels">Who a lead is in truth, by the lead's key.</param>
    /// <param name="match">Which leads are one person; null for the customers that they have.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LinkageException">Linkage's customers are not installed, or no leads or customers are registered.</exception>
    public Task<CustomerMatchScore> ScoreAsync(
        IReadOnlyDictionary<string, string> labels, CustomerMatch? match, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Measure-CustomerMatch" },
            session => session.QuerySingleAsync<CustomerMatchScore>(
                """
                SELECT
                  m.leads_labelled AS "Leads", m.leads_missing AS "Missing", m.true_pairs AS "TruePairs", m.joined_pairs AS "JoinedPairs",
                  m.right_pairs AS "RightPairs", m.over_merged AS "OverMerged", m.under_merged AS "UnderMerged"
                FROM linkage.measure_customer_match(@leads, @entities, @match, @maxShared, @evidence) m
                """,
                new
                {
                    leads = labels.Keys.ToArray(), entities = labels.Values.ToArray(), match = match?.Match,
                    maxShared = match?.MaxShared ?? 0,
                    evidence = match?.Evidence ?? false,
                }),
            cancellation);
}
