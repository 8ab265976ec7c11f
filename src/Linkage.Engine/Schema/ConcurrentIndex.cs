using System.Text.RegularExpressions;
using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>
/// Builds an index on a live table without blocking its writers. A leftover of a build that failed is dropped and built again;
/// <c>IF NOT EXISTS</c> would take it for the index.
/// </summary>
/// <param name="database">Where to. It needs a session of its own: no pooler in transaction mode.</param>
internal sealed partial class ConcurrentIndex(LinkageDatabase database)
{
    [GeneratedRegex(@"^(?:\s*--[^\n]*\n)*\s*CREATE INDEX CONCURRENTLY (?<name>\w+) ON (?<table>(?:""(?:[^""]|"""")+""|\w+)\.\w+) (?<rest>.+?)\s*$", RegexOptions.Singleline)]
    private static partial Regex Statement();

    /// <summary>What a <c>CREATE INDEX CONCURRENTLY</c> names: the index, its table, and the rest of the statement.</summary>
    public static (string Name, string Table, string Definition) Parse(string sql)
    {
        var match = Statement().Match(sql);
        return match.Success
            ? (match.Groups["name"].Value, match.Groups["table"].Value, match.Groups["rest"].Value)
            : throw new ArgumentException("An index script is one CREATE INDEX CONCURRENTLY name ON schema.table ...", nameof(sql));
    }

    /// <summary>Builds the index; on a partitioned table ONLY on the parent, concurrently on each partition, then attached.</summary>
    public async Task BuildAsync(string sql, CancellationToken cancellation)
    {
        var (name, table, rest) = Parse(sql);
        var partitions = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<Partition>(
                """
                SELECT t.relid::regclass::text AS "Table", md5(t.relid::text) AS "Digest"
                FROM pg_catalog.pg_partition_tree(@table::regclass) t
                WHERE t.isleaf AND t.level > 0
                """,
                new { table }),
            cancellation);
        if (partitions.Count == 0)
        {
            await BuildOneAsync(name, table, rest, cancellation);
            return;
        }

        var schema = table[..table.LastIndexOf('.')];
        await database.ExecuteOutsideTransactionAsync($"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {rest}", cancellation);
        foreach (var partition in partitions)
        {
            // Named after the parent's index and the partition, within the 63 bytes that a name may have.
            var part = $"{name[..Math.Min(name.Length, 50)]}_{partition.Digest[..12]}";
            await BuildOneAsync(part, partition.Table, rest, cancellation);
            await database.ExecuteOutsideTransactionAsync($"ALTER INDEX {schema}.{name} ATTACH PARTITION {schema}.{part}", cancellation);
        }
    }

    private async Task BuildOneAsync(string name, string table, string rest, CancellationToken cancellation)
    {
        var existing = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleOrDefaultAsync<Index>(
                """
                SELECT i.indexrelid::regclass::text AS "Name", i.indisvalid AS "IsValid"
                FROM pg_catalog.pg_index i
                JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                WHERE i.indrelid = @table::regclass AND c.relname = @name
                """,
                new { table, name }),
            cancellation);
        if (existing is { IsValid: true })
            return;
        if (existing is not null)
            await database.ExecuteOutsideTransactionAsync($"DROP INDEX CONCURRENTLY {existing.Name}", cancellation);

        try
        {
            await database.ExecuteOutsideTransactionAsync($"CREATE INDEX CONCURRENTLY {name} ON {table} {rest}", cancellation);
        }
        catch
        {
            // No carcass: what failed half-way costs every write and serves no read.
            var schema = await SchemaOfAsync(table);
            await database.ExecuteOutsideTransactionAsync($"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{name}", CancellationToken.None);
            throw;
        }
    }

    private Task<string> SchemaOfAsync(string table) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleAsync<string>(
                "SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = @table::regclass",
                new { table }),
            CancellationToken.None);

    private sealed record Partition(string Table, string Digest);

    private sealed record Index(string Name, bool IsValid);
}
