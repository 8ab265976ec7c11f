using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// Builds, rebuilds and drops indexes of live tables without blocking their writers. What a failed build leaves behind is found by its
/// invalidity and removed; <c>IF NOT EXISTS</c> would take it for the index.
/// </summary>
/// <param name="database">Where.</param>
/// <param name="options">How long it may take, and who hears of it.</param>
internal sealed class ConcurrentIndex(LinkageDatabase database, IndexBuildOptions options)
{
    private const int Attempts = 10;
    private const string SetAsidePrefix = "linkage_invalid_";
    private static readonly TimeSpan _moment = TimeSpan.FromMilliseconds(10);

    private readonly IndexStatement _statement = new(database, options);

    /// <summary>One that takes as long as it takes.</summary>
    /// <param name="database">Where.</param>
    /// <param name="waiting">Told whom a build waits for.</param>
    public ConcurrentIndex(LinkageDatabase database, Action<string>? waiting = null)
        : this(database, new IndexBuildOptions { Waiting = waiting })
    {
    }

    /// <summary>
    /// Builds an index, unless a valid one of that name stands; on a partitioned table ONLY on the parent, concurrently on each partition,
    /// then attached. When it fails, takes too long or is cancelled, nothing that it built stays behind.
    /// </summary>
    /// <returns>Whether there was something to build.</returns>
    /// <exception cref="LinkageException">
    /// The name is taken by something else, it did not get its lock, or it took too long; or what it left could not be removed.
    /// </exception>
    /// <exception cref="PostgresException">The server refused, as for rows that are not unique.</exception>
    public async Task<bool> BuildAsync(IndexDefinition definition, CancellationToken cancellation)
    {
        using var deadline = new CancellationTokenSource(options.MaxDuration ?? Timeout.InfiniteTimeSpan);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
        List<IndexPart> begun = [];
        try
        {
            var parts = await database.TransactAsync(TransactionOptions.ReadOnly, s => IndexPart.ReadAsync(s, definition), stop.Token);
            foreach (var part in parts)
                await BuildPartAsync(part, definition, begun, stop.Token);
            // The parent becomes valid with the last one, and so on upwards.
            if (begun.Count > 0)
            {
                foreach (var part in parts.Reverse().Where(p => p.Parent is not null))
                    await DefineAsync(part.Attach(), definition, stop.Token);
            }

            return begun.Count > 0;
        }
        catch (Exception fault)
        {
            var holders = _statement.Holders;
            await RemoveUnfinishedAsync(begun, fault);
            if (fault is OperationCanceledException && !cancellation.IsCancellationRequested)
                throw TooSlow(definition, holders, fault);
            throw;
        }
    }

    /// <summary>Builds an index anew, beside the old one, which serves until it is replaced; a rebuild that fails leaves the old one as it is.</summary>
    /// <param name="index">Its name with the schema, as SQL has it.</param>
    /// <param name="cancellation">Ends the build.</param>
    public async Task RebuildAsync(string index, CancellationToken cancellation)
    {
        try
        {
            await RacingAsync(
                async () =>
                {
                    await DropRemainsAsync(index, cancellation);
                    await _statement.RunAsync($"REINDEX INDEX CONCURRENTLY {index}", options.LockTimeout, cancellation);
                },
                cancellation);
        }
        catch
        {
            await DropRemainsAsync(index, CancellationToken.None);
            throw;
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
                database, $"Dropping index {index}", session => session.ExecuteAsync($"DROP INDEX IF EXISTS {index}"), options.Waiting, cancellation);
        }
    }

    /// <summary>Lines of a psql script that build an index, unless a valid one stands when they are run; an invalid one is dropped first.</summary>
    public static async Task<IReadOnlyList<string>> ScriptAsync(DatabaseSession session, IndexDefinition definition)
    {
        var parts = await IndexPart.ReadAsync(session, definition);
        return
        [
            .. parts.SelectMany(part => new[]
            {
                $"SELECT {Literal($"DROP INDEX {(part.IsPartitioned ? "" : "CONCURRENTLY ")}{part.QualifiedName}")} FROM pg_index i "
                + $"WHERE i.indexrelid = to_regclass({Literal(part.QualifiedName)}) AND NOT i.indisvalid \\gexec",
                $"SELECT {Literal(part.IsPartitioned ? part.CreateOnly(definition) : part.Create(definition))} "
                + $"WHERE to_regclass({Literal(part.QualifiedName)}) IS NULL \\gexec",
            }),
            .. parts.Reverse().Where(p => p.Parent is not null).Select(p => $"{p.Attach()};"),
        ];
    }

    private const string FindIndex =
        """
        SELECT
          i.indisvalid AS "IsValid", c.relkind = 'I' AS "IsPartitioned", i.indrelid::regclass::text AS "Table", c.oid AS "Oid",
          -- its row in the catalog was written by a transaction that is still at it
          EXISTS (
            SELECT FROM pg_locks l WHERE l.locktype = 'transactionid' AND l.transactionid = i.xmax AND l.granted) AS "IsChanging"
        FROM pg_class c
        LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.oid = to_regclass(@name)
        """;

    /// <summary>Tries again what lost against another builder of the same table, from its start: the other may have done what was to be done.</summary>
    private static async Task RacingAsync(Func<Task> attempt, CancellationToken cancellation)
    {
        for (var left = Attempts; ; left--)
        {
            try
            {
                await attempt();
                return;
            }
            catch (PostgresException e) when (IsRace(e) && left > 1)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1000)), cancellation);
            }
        }
    }

    /// <summary>
    /// Whether a build lost against another on the same table: each waits for the other's snapshot or lock, and the server ends one of
    /// the two; or the other was there first.
    /// </summary>
    private static bool IsRace(PostgresException fault) =>
        fault.SqlState is PostgresErrorCodes.DuplicateTable or PostgresErrorCodes.DeadlockDetected
        // Two that drop one index: the server has no code of its own for it, and never translates it.
        || (fault.SqlState == PostgresErrorCodes.InternalError && fault.MessageText.StartsWith("tuple concurrently", StringComparison.Ordinal));

    private Task BuildPartAsync(IndexPart part, IndexDefinition definition, List<IndexPart> begun, CancellationToken cancellation) =>
        RacingAsync(
            async () =>
            {
                await RemoveInvalidAsync(part, cancellation);
                var existing = await FindAsync(part, cancellation);
                if (existing is not null && existing.Table != part.Table)
                {
                    throw new LinkageException(
                        "Linkage.Schema.NameTaken", FaultKind.Conflict,
                        $"{part.QualifiedName} is the name of something else than an index of {part.Table}. Rename it, and try again.");
                }

                if (existing is { IsValid: true })
                    return;
                begun.Add(part);
                if (part.IsPartitioned)
                    await DefineAsync(part.CreateOnly(definition), definition, cancellation);
                else
                    await _statement.RunAsync(part.Create(definition), options.LockTimeout, cancellation);
            },
            cancellation);

    /// <summary>Removes what a build began: what failed half-way costs every write and serves no read.</summary>
    private async Task RemoveUnfinishedAsync(List<IndexPart> begun, Exception fault)
    {
        try
        {
            // The frame takes what was attached to it along.
            foreach (var part in begun.Distinct())
            {
                await RemoveInvalidAsync(part, CancellationToken.None);
                if (part.Parent is not null)
                    await DropAsync(part.QualifiedName, CancellationToken.None);
            }
        }
        catch (Exception e) when (e is NpgsqlException or LinkageException)
        {
            throw new LinkageException(
                "Linkage.Index.LeftBehind", FaultKind.InvalidState,
                $"{fault.Message} What it left of index {begun[0].QualifiedName} could not be removed ({e.Message}); building it again removes it.",
                fault);
        }
    }

    /// <summary>Drops an index that is not valid, and those that were set aside before.</summary>
    private async Task RemoveInvalidAsync(IndexPart part, CancellationToken cancellation)
    {
        if (await FindAsync(part, cancellation) is { IsValid: false } existing && existing.Table == part.Table)
        {
            if (existing.IsPartitioned)
                await DropAsync(part.QualifiedName, cancellation);
            else
                await SetAsideAsync(part, cancellation);
        }

        await DropSetAsideAsync(part, cancellation);
    }

    /// <summary>
    /// Renames an invalid index once nobody is building it any more (whoever does holds this lock), so that dropping it can't hit a
    /// good one that somebody builds under its name meanwhile.
    /// </summary>
    private Task SetAsideAsync(IndexPart part, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database,
            $"Removing what is left of index {part.QualifiedName}",
            async session =>
            {
                await IndexPart.QualifyAsync(session);
                await session.ExecuteAsync($"LOCK TABLE {part.Table} IN SHARE UPDATE EXCLUSIVE MODE");
                var existing = await session.QuerySingleOrDefaultAsync<Index>(FindIndex, new { name = part.QualifiedName });
                // The server gives a builder's lock back a moment before it commits that the index is valid.
                while (existing is { IsValid: false, IsChanging: true })
                {
                    await Task.Delay(_moment, cancellation);
                    existing = await session.QuerySingleOrDefaultAsync<Index>(FindIndex, new { name = part.QualifiedName });
                }

                if (existing is { IsValid: false })
                    await session.ExecuteAsync($"ALTER INDEX {part.QualifiedName} RENAME TO {SetAsidePrefix}{existing.Oid}");
            },
            options.Waiting,
            cancellation);

    private async Task DropSetAsideAsync(IndexPart part, CancellationToken cancellation)
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

    private Task DropConcurrentlyAsync(string index, CancellationToken cancellation) =>
        RacingAsync(() => _statement.RunAsync($"DROP INDEX CONCURRENTLY IF EXISTS {index}", lockTimeout: null, cancellation), cancellation);

    private Task<int> DefineAsync(string statement, IndexDefinition definition, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database, $"Index {definition.Name} of {definition.Table}", session => session.ExecuteAsync(statement), options.Waiting, cancellation);

    private Task<Index?> FindAsync(IndexPart part, CancellationToken cancellation) =>
        QueryOneAsync<Index>(FindIndex, new { name = part.QualifiedName }, cancellation);

    private Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object parameters, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session =>
            {
                await IndexPart.QualifyAsync(session);
                return await session.QueryAsync<T>(sql, parameters);
            },
            cancellation);

    private async Task<T?> QueryOneAsync<T>(string sql, object parameters, CancellationToken cancellation) =>
        (await QueryAsync<T>(sql, parameters, cancellation)).SingleOrDefault();

    private LinkageException TooSlow(IndexDefinition definition, string holders, Exception cause) => new(
        "Linkage.Index.TooSlow", FaultKind.Timeout,
        $"Index {definition.QualifiedName} was not built within {options.MaxDuration}"
        + (holders.Length > 0
            ? $": it waited for {holders}. A build waits for every transaction that is older than it, on whatever table; end them, or try again later."
            : ". Give it more time.")
        + " Nothing of it is left.",
        cause);

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private sealed record Index(bool? IsValid, bool IsPartitioned, string? Table, uint Oid, bool IsChanging);
}
