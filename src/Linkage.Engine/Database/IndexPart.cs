using System.Text;

namespace Linkage.Engine.Database;

/// <summary>One of the indexes that an index consists of: itself, or those of every table of a partition tree.</summary>
/// <param name="Table">Its table, as SQL has it.</param>
/// <param name="IsPartitioned">Whether the table is partitioned, so that its index is just a frame for those of the partitions.</param>
/// <param name="Schema">The schema of both, as SQL has it.</param>
/// <param name="Name">Its name, as SQL has it.</param>
/// <param name="Parent">The index that it is part of; null for the whole.</param>
internal sealed record IndexPart(string Table, bool IsPartitioned, string Schema, string Name, string? Parent)
{
    /// <summary>The part of the name of a partition's index that is the whole one's, in bytes; a digest of the partition follows.</summary>
    private const int Stem = 50;

    /// <summary>Its name with the schema.</summary>
    public string QualifiedName => $"{Schema}.{Name}";

    /// <summary>The statement that builds it while others write.</summary>
    public string Create(IndexDefinition definition) =>
        $"CREATE {definition.Kind} CONCURRENTLY {Name} ON {Table} {definition.Rest}";

    /// <summary>The statement that makes the frame, on a partitioned table.</summary>
    public string CreateOnly(IndexDefinition definition) => $"CREATE {definition.Kind} {Name} ON ONLY {Table} {definition.Rest}";

    /// <summary>The statement that makes it a part of its parent.</summary>
    public string Attach() => $"ALTER INDEX {Parent} ATTACH PARTITION {QualifiedName}";

    /// <summary>All of them, the whole first. The session gets a search_path under which every name comes with its schema.</summary>
    public static async Task<IReadOnlyList<IndexPart>> ReadAsync(DatabaseSession session, IndexDefinition definition)
    {
        await QualifyAsync(session);
        var tables = await session.QueryAsync<Row>(EmbeddedSql.Read("Database/index_parts.sql"), new { table = definition.Table });
        // A script may be written before the table is there.
        if (tables.Count == 0)
            return [new(definition.Table, false, definition.Schema, definition.Name, null)];
        var names = tables.ToDictionary(t => t.Name, t => t.Level == 0 ? definition.Name : Derived(definition.Name, t.Digest[..12]));
        var schemas = tables.ToDictionary(t => t.Name, t => t.Schema);
        return
        [
            .. tables.Select(t => new IndexPart(
                t.Name, t.IsPartitioned, t.Schema, names[t.Name], t.Level == 0 ? null : $"{schemas[t.Parent!]}.{names[t.Parent!]}")),
        ];
    }

    /// <summary>Names come with their schema, whatever the session's search_path.</summary>
    public static Task<int> QualifyAsync(DatabaseSession session) => session.ExecuteAsync("SET LOCAL search_path = pg_catalog, pg_temp");

    /// <summary>A partition's index is named after the whole one's and the partition, within the 63 bytes that a name may have.</summary>
    private static string Derived(string name, string digest)
    {
        if (!name.StartsWith('"'))
            return $"{name[..Math.Min(name.Length, Stem)]}_{digest}";
        var plain = name[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal);
        while (Encoding.UTF8.GetByteCount(plain) > Stem)
            plain = plain[..^(char.IsLowSurrogate(plain[^1]) ? 2 : 1)];
        return $"\"{plain.Replace("\"", "\"\"", StringComparison.Ordinal)}_{digest}\"";
    }

    private sealed record Row(string Name, string Schema, bool IsPartitioned, int Level, string? Parent, string Digest);
}
