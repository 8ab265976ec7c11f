using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>A key that a table may lack, as a rule to register.</summary>
public sealed class UniqueKeyCandidate
{
    internal UniqueKeyCandidate(LinkageConnection connection, KeyCandidate candidate, int rank)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Rank = rank;
        Score = candidate.Score;
        Name = candidate.Rule;
        IsRegistered = candidate.IsRegistered;
        Table = candidate.Table;
        Key = new TextList(candidate.Keys);
        Where = candidate.Predicate;
        Rows = candidate.Rows;
        Duplicates = candidate.Duplicates;
        IsExact = candidate.IsExact;
        Reason = new TextList(candidate.Reasons);
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>Its place among all, the likeliest first.</summary>
    public int Rank { get; }

    /// <summary>How likely it is meant to be unique, from 0 to 1.</summary>
    public double Score { get; }

    /// <summary>The rule that has this key already, else a name for one.</summary>
    public string Name { get; }

    /// <summary>Whether there is such a rule.</summary>
    public bool IsRegistered { get; }

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>What would be unique together.</summary>
    public TextList Key { get; }

    /// <summary>Which rows it would be for, as SQL; null for all.</summary>
    public string? Where { get; }

    /// <summary>How many rows were looked at that it would be for.</summary>
    public long Rows { get; }

    /// <summary>How many of them share their key with one that would stay.</summary>
    public long Duplicates { get; }

    /// <summary>Whether the whole table was looked at.</summary>
    public bool IsExact { get; }

    /// <summary>Why it is proposed.</summary>
    public TextList Reason { get; }
}
