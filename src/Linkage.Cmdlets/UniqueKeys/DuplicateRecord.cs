using System.Globalization;
using System.Text.Json;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Rows that share a key which a rule says is unique.</summary>
public sealed class DuplicateRecord
{
    internal DuplicateRecord(LinkageConnection connection, string rule, DuplicateGroup group)
    {
        var referring = JsonSerializer.Deserialize<SortedDictionary<string, long>>(group.Referring) ?? [];
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Rule = rule;
        Key = group.Key;
        Count = group.Duplicates.Length;
        Survivor = RowKey(group.Survivor);
        Duplicate = new TextList(group.Duplicates.Select(RowKey));
        Referring = referring.Values.Sum();
        ReferredBy = referring.Count == 0
            ? null
            : string.Join("; ", referring.Select(table => string.Create(CultureInfo.InvariantCulture, $"{table.Key}: {table.Value:N0}")));
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The rule's name.</summary>
    public string Rule { get; }

    /// <summary>What they share: the key's values.</summary>
    public string Key { get; }

    /// <summary>How many rows would go.</summary>
    public int Count { get; }

    /// <summary>The row that would stay: the value of its primary key; of one of several columns, <c>column=value</c> each.</summary>
    public string Survivor { get; }

    /// <summary>Those that would go, likewise, in the rule's order.</summary>
    public TextList Duplicate { get; }

    /// <summary>How many rows refer to those that would go, and would be re-pointed.</summary>
    public long Referring { get; }

    /// <summary>By table: <c>public.attachments: 3; public.tags: 1</c>; null if there are none.</summary>
    public string? ReferredBy { get; }

    private static string RowKey(string json)
    {
        var columns = JsonSerializer.Deserialize<SortedDictionary<string, string>>(json) ?? [];
        return columns.Count == 1 ? columns.Values.First() : string.Join(", ", columns.Select(column => $"{column.Key}={column.Value}"));
    }
}
