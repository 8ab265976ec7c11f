using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Which rows of a table may not share a key, and who stays where some do.</summary>
public sealed class UniqueKeyRule
{
    internal UniqueKeyRule(LinkageConnection connection, Engine.UniqueKeys.UniqueKeyRule rule, string change)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Name = rule.Name;
        Table = rule.Table;
        Key = new TextList(rule.Keys);
        Where = rule.Predicate;
        Keep = new TextList([.. rule.Keep, "oldest"]);
        OnConflict = rule.OnConflict;
        NullsNotDistinct = !rule.NullsDistinct;
        Origin = rule.Origin;
        Definition = rule.Definition;
        RegisteredBy = rule.RegisteredBy;
        RegisteredAt = rule.RegisteredAt;
        Change = change;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>Its name, and that of the index it wants.</summary>
    public string Name { get; }

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>What must be unique together: columns in SQL notation, or expressions in parentheses.</summary>
    public TextList Key { get; }

    /// <summary>Which rows it is for, as SQL; null for all.</summary>
    public string? Where { get; }

    /// <summary>Who of several stays: items of ORDER BY, and the oldest in the end.</summary>
    public TextList Keep { get; }

    /// <summary>What becomes of rows of other tables that clash once they refer to who stays: KeepSurvivor, KeepNewest or Fail.</summary>
    public string OnConflict { get; }

    /// <summary>Whether nulls make duplicates.</summary>
    public bool NullsNotDistinct { get; }

    /// <summary>Where it comes from: built in, expected (a key that should be there already), or registered.</summary>
    public string Origin { get; }

    /// <summary>The index that it wants.</summary>
    public string Definition { get; }

    /// <summary>Who registered it, or installed it.</summary>
    public string RegisteredBy { get; }

    /// <summary>When, UTC; null for what is only planned.</summary>
    public DateTime? RegisteredAt { get; }

    /// <summary>Registered, Replaced, Unchanged or Unregistered; None where it was only listed.</summary>
    public string Change { get; }
}
