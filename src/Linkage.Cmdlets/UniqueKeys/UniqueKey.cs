using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>The key of a rule, and what became of it.</summary>
public sealed class UniqueKey
{
    internal UniqueKey(LinkageConnection connection, UniqueKeyState state, string change, TimeSpan? elapsed, IEnumerable<Guid> runs)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Rule = state.Rule;
        Table = state.Table;
        Index = state.Index;
        Change = change;
        Duplicates = state.Duplicates;
        Elapsed = elapsed;
        Definition = state.State == "Enforced" ? state.ActualDefinition! : state.Definition;
        RunId = new TextList(runs.Select(run => run.ToString()));
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it is on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The rule.</summary>
    public string Rule { get; }

    /// <summary>The table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>The index that enforces the rule; null where none does yet.</summary>
    public string? Index { get; }

    /// <summary>Added, Unchanged (it was enforced already), or under <c>-WhatIf</c> WouldAdd.</summary>
    public string Change { get; }

    /// <summary>How many rows share their key with one that would stay; 0 once the key is there.</summary>
    public long Duplicates { get; }

    /// <summary>How long it took; null where nothing was done.</summary>
    public TimeSpan? Elapsed { get; }

    /// <summary>The index as it is, else as it would be.</summary>
    public string Definition { get; }

    /// <summary>The runs that removed duplicates before, which can be undone.</summary>
    public TextList RunId { get; }
}
