using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.Customers;

/// <summary>How good a grouping of leads is. Pairs are pairs of labelled leads.</summary>
public sealed class CustomerMatchScore
{
    internal CustomerMatchScore(LinkageConnection connection, string? match, Engine.Customers.CustomerMatchScore score)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Match = match ?? "Links";
        Precision = score.Precision;
        Recall = score.Recall;
        F1 = score.F1;
        Leads = score.Leads;
        Missing = score.Missing;
        TruePairs = score.TruePairs;
        JoinedPairs = score.JoinedPairs;
        RightPairs = score.RightPairs;
        OverMerged = score.OverMerged;
        UnderMerged = score.UnderMerged;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was measured.</summary>
    public Guid ConnectionId { get; }

    /// <summary>What was scored: Priority, Transitive, or Links for the customers that leads have.</summary>
    public string Match { get; }

    /// <summary>The part of the joined pairs that is right; null where none was joined.</summary>
    public double? Precision { get; }

    /// <summary>The part of the true pairs that was joined; null where there are none.</summary>
    public double? Recall { get; }

    /// <summary>The harmonic mean of the two; null where there are no pairs.</summary>
    public double? F1 { get; }

    /// <summary>Labelled leads that are there.</summary>
    public long Leads { get; }

    /// <summary>Labelled leads that are not.</summary>
    public long Missing { get; }

    /// <summary>Pairs that are one person in truth.</summary>
    public long TruePairs { get; }

    /// <summary>Pairs that were put together.</summary>
    public long JoinedPairs { get; }

    /// <summary>Pairs that were put together and are one person.</summary>
    public long RightPairs { get; }

    /// <summary>Groups with leads of more than one person.</summary>
    public long OverMerged { get; }

    /// <summary>Persons whose leads are in more than one group.</summary>
    public long UnderMerged { get; }
}
