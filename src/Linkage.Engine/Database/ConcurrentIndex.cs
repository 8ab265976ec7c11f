using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// Builds, rebuilds and drops indexes of live tables without blocking their writers. What a failed build leaves behind is found by its
/// invalidity and removed; <c>IF NOT EXISTS</c> would take it for the index.
/// </summary>
/// <param name="database">Where.</param>
/// <param name="waiting">Told whom a build waits for.</param>
internal sealed class ConcurrentIndex(LinkageDatabase database, Action<string>? waiting = null)
{
    private const int Attempts = 10;

    private static readonly TimeSpan _pollInterval = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Builds an index, unless a valid one of that name stands; on a partitioned table ONLY on the parent, concurrently on each partition,
    /// then attached. When it fails or is cancelled, no invalid index stays behind.
    /// </summary>
    /// <exception cref="LinkageException">The name is taken by something else.</exception>
    public async Task BuildAsync(IndexDefinition definition, CancellationToken cancellation)
    {
        var parts = await database.TransactAsync(TransactionOptions.ReadOnly, s => PartsAsync(s, definition), cancellation);
        foreach (var part in parts)
        {
            if (part.IsPartitioned)
                await DefineAsync(CreateOnly(part, definition), definition, cancellation);
            else
                await BuildPartAsync(part, definition.Rest, cancellation);
        }

        // The parent becomes valid with the last one, and so on upwards.
        foreach (var statement in Attachments(parts))
            await DefineAsync(statement, definition, cancellation);
    }

    /// <summary>Builds an index anew, beside the old one, which serves until it is replaced; a rebuild that fails leaves the old one as it is.</summary>
    /// <param name="index">Its name with the schema, as SQL has it.</param>
    /// <param name="cancellation">Ends the build.</param>
    public async Task RebuildAsync(string index, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            await DropRemainsAsync(index, cancellation);
            try
            {
                await WatchAsync(index, $"REINDEX INDEX CONCURRENTLY {index}", cancellation);
                return;
            }
            catch (PostgresException e) when (IsRace(e) && attempt < Attempts)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1000)), cancellation);
            }
            catch
            {
                await DropRemainsAsync(index, CancellationToken.None);
                throw;
            }
        }
    }

    /// <summary>Drops an index if it is there; that of a partitioned table, which can't be dropped concurrently, under a short lock.</summary>
    /// <param name="index">Its name with the schema, as SQL has it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task DropAsync(string index, CancellationToken cancellation)
    {
        var kind = await QueryOneAsync<string>("SELECT c.relkind::text FROM pg_class c WHERE c.oid = to_regclass(@index)", new { index }, cancellation);
        if (kind == "i")
        {
            await DropConcurrentlyAsync(index, cancellation);
        }
        else if (kind == "I")
        {
            await ShortLock.TransactAsync(
                database, $"Dropping index {index}", session => session.ExecuteAsync($"DROP INDEX IF EXISTS {index}"), waiting, cancellation);
        }
    }

    /// <summary>Lines of a psql script that build an index, unless a valid one stands when they are run; an invalid one is dropped first.</summary>
    public static async Task<IReadOnlyList<string>> ScriptAsync(DatabaseSession session, IndexDefinition definition)
    {
        var parts = await PartsAsync(session, definition);
        return
        [
            .. parts.SelectMany(part => part.IsPartitioned
                ? new[] { $"{CreateOnly(part, definition)};" }
                : [
                    $"SELECT {Literal($"DROP INDEX CONCURRENTLY {part.QualifiedName}")} FROM pg_index i "
                    + $"WHERE i.indexrelid = to_regclass({Literal(part.QualifiedName)}) AND NOT i.indisvalid \\gexec",
                    $"SELECT {Literal(Create(part, definition.Rest))} WHERE to_regclass({Literal(part.QualifiedName)}) IS NULL \\gexec",
                ]),
            .. Attachments(parts).Select(a => $"{a};"),
        ];
    }

    /// <summary>
    /// Whether a build lost against another on the same table: each waits for the other's snapshot or lock, and the server ends one of
    /// the two; or the other was there first.
    /// </summary>
    private static bool IsRace(PostgresException fault) =>
        fault.SqlState is PostgresErrorCodes.DuplicateTable or PostgresErrorCodes.DeadlockDetected
        // Two that drop one index: the server has no code of its own for it, and never translates it.
        || (fault.SqlState == PostgresErrorCodes.InternalError && fault.MessageText.StartsWith("tuple concurrently", StringComparison.Ordinal));

    private const string FindIndex =
        """
        SELECT i.indisvalid AS "IsValid", c.relkind = 'I' AS "IsPartitioned", i.indrelid::regclass::text AS "Table", c.oid AS "Oid"
        FROM pg_class c
        LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.oid = to_regclass(@name)
        """;

    private async Task BuildPartAsync(Part part, string rest, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            await DropSetAsideAsync(part, cancellation);
            var existing = await QueryOneAsync<Index>(FindIndex, new { name = part.QualifiedName }, cancellation);
            if (existing is not null && existing.Table != part.Table)
            {
                throw new LinkageException(
                    "Linkage.Schema.NameTaken", FaultKind.Conflict,
                    $"{part.QualifiedName} is the name of something else than an index of {part.Table}. Rename it, and install again.");
            }

            if (existing is { IsValid: true })
                return;
            if (existing is not null)
            {
                await SetAsideAsync(part, cancellation);
                continue;
            }

            try
            {
                await WatchAsync(part.Table, Create(part, rest), cancellation);
                return;
            }
            catch (PostgresException e) when (IsRace(e) && attempt < Attempts)
            {
                // Somebody else was building it: theirs is as good, if it became valid.
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1000)), cancellation);
            }
            catch
            {
                // What failed half-way costs every write and serves no read.
                await SetAsideAsync(part, CancellationToken.None);
                await DropSetAsideAsync(part, CancellationToken.None);
                throw;
            }
        }
    }

    /// <summary>
    /// Renames an invalid index once nobody is building it any more (whoever does holds this lock), so that dropping it can't hit a
    /// good one that somebody builds under its name meanwhile.
    /// </summary>
    private Task SetAsideAsync(Part part, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database,
            $"Removing what is left of index {part.QualifiedName}",
            async session =>
            {
                await QualifyAsync(session);
                await session.ExecuteAsync($"LOCK TABLE {part.Table} IN SHARE UPDATE EXCLUSIVE MODE");
                var existing = await session.QuerySingleOrDefaultAsync<Index>(FindIndex, new { name = part.QualifiedName });
                if (existing is { IsValid: false })
                    await session.ExecuteAsync($"ALTER INDEX {part.QualifiedName} RENAME TO {SetAsidePrefix}{existing.Oid}");
            },
            waiting,
            cancellation);

    private const string SetAsidePrefix = "linkage_invalid_";

    private async Task DropSetAsideAsync(Part part, CancellationToken cancellation)
    {
        var names = await QueryAsync<string>(
            """
            SELECT i.indexrelid::regclass::text
            FROM pg_index i
            JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid = to_regclass(@table) AND NOT i.indisvalid AND c.relname LIKE @prefix || '%'
            """,
            new { table = part.Table, prefix = SetAsidePrefix },
            cancellation);
        foreach (var name in names)
            await DropConcurrentlyAsync(name, cancellation);
    }

    /// <summary>Drops what an earlier REINDEX CONCURRENTLY left: the new index that never became valid, the old one that was never dropped.</summary>
    private async Task DropRemainsAsync(string index, CancellationToken cancellation)
    {
        var names = await QueryAsync<string>(
            """
            SELECT r.oid::regclass::text
            FROM pg_index i
            JOIN pg_class c ON c.oid = i.indexrelid
            JOIN pg_index x ON x.indrelid = i.indrelid AND NOT x.indisvalid
            JOIN pg_class r ON r.oid = x.indexrelid
            WHERE i.indexrelid = to_regclass(@index) AND r.relname ~ ('^' || left(c.relname, 50) || '.*_cc(new|old)[0-9]*$')
            """,
            new { index },
            cancellation);
        foreach (var name in names)
            await DropConcurrentlyAsync(name, cancellation);
    }

    private async Task DropConcurrentlyAsync(string index, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await WatchAsync(index, $"DROP INDEX CONCURRENTLY IF EXISTS {index}", cancellation);
                return;
            }
            catch (PostgresException e) when (IsRace(e) && attempt < Attempts)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1000)), cancellation);
            }
        }
    }

    private Task<int> DefineAsync(string statement, IndexDefinition definition, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database, $"Index {definition.Name} of {definition.Table}", session => session.ExecuteAsync(statement), waiting, cancellation);

    /// <summary>Runs a build and tells meanwhile whom it waits for.</summary>
    private async Task WatchAsync(string relation, string statement, CancellationToken cancellation)
    {
        var build = database.ExecuteOutsideTransactionAsync(statement, cancellation);
        var told = string.Empty;
        while (waiting is not null && await Task.WhenAny(build, Task.Delay(_pollInterval, CancellationToken.None)) != build)
        {
            var holders = string.Join(", ", await QueryAsync<string>(EmbeddedSql.Read("Database/index_waits.sql"), new { relation }, CancellationToken.None));
            if (holders.Length > 0 && holders != told)
                waiting($"The build on {relation} waits for {holders}.");
            told = holders;
        }

        await build;
    }

    private Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object parameters, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session =>
            {
                await QualifyAsync(session);
                return await session.QueryAsync<T>(sql, parameters);
            },
            cancellation);

    private async Task<T?> QueryOneAsync<T>(string sql, object parameters, CancellationToken cancellation) =>
        (await QueryAsync<T>(sql, parameters, cancellation)).SingleOrDefault();

    private static async Task<IReadOnlyList<Part>> PartsAsync(DatabaseSession session, IndexDefinition definition)
    {
        await QualifyAsync(session);
        var tables = await session.QueryAsync<Table>(EmbeddedSql.Read("Database/index_parts.sql"), new { table = definition.Table });
        // A script may be written before the table is there.
        if (tables.Count == 0)
            return [new(definition.Table, false, definition.QualifiedName, null)];
        var names = tables.ToDictionary(
            t => t.Name,
            // A partition's index is named after the whole one's and the partition, within the 63 bytes that a name may have.
            t => t.Level == 0 ? $"{t.Schema}.{definition.Name}" : $"{t.Schema}.{definition.Name[..Math.Min(definition.Name.Length, 50)]}_{t.Digest[..12]}");
        return [.. tables.Select(t => new Part(t.Name, t.IsPartitioned, names[t.Name], t.Level == 0 ? null : names[t.Parent!]))];
    }

    /// <summary>Names come with their schema, whatever the session's search_path.</summary>
    private static Task<int> QualifyAsync(DatabaseSession session) => session.ExecuteAsync("SET LOCAL search_path = pg_catalog, pg_temp");

    private static string Create(Part part, string rest) => $"CREATE INDEX CONCURRENTLY {part.Name} ON {part.Table} {rest}";

    private static string CreateOnly(Part part, IndexDefinition definition) =>
        $"CREATE INDEX IF NOT EXISTS {part.Name} ON ONLY {part.Table} {definition.Rest}";

    private static IEnumerable<string> Attachments(IReadOnlyList<Part> parts) =>
        parts.Reverse().Where(p => p.Parent is not null).Select(p => $"ALTER INDEX {p.Parent} ATTACH PARTITION {p.QualifiedName}");

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private sealed record Table(string Name, string Schema, bool IsPartitioned, int Level, string? Parent, string Digest);

    private sealed record Part(string Table, bool IsPartitioned, string QualifiedName, string? Parent)
    {
        public string Name => QualifiedName[(QualifiedName.LastIndexOf('.') + 1)..];
    }

    private sealed record Index(bool? IsValid, bool IsPartitioned, string? Table, uint Oid);
}
