using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Schema;

/// <summary>
/// Removes Linkage's objects and brings back what they replaced; never the application's data. What the application made depend on an
/// object of Linkage's stays, with that object. It can be run again where it was interrupted.
/// </summary>
/// <param name="database">Where.</param>
/// <param name="includeHistory">
/// Whether the audit, the runs and whatever else remembers go too. (An audit that the application had before stays, less the columns that were added.)
/// </param>
public sealed class SchemaUninstaller(LinkageDatabase database, bool includeHistory)
{
    private const int FirstRemovalPhase = 6;
    private const int IndexPhase = 5;

    /// <summary>Finds out what an uninstall would do. Writes nothing.</summary>
    /// <exception cref="SchemaException">Nothing is installed.</exception>
    public Task<IReadOnlyList<SchemaRemoval>> PlanAsync(CancellationToken cancellation) =>
        database.TransactAsync<IReadOnlyList<SchemaRemoval>>(
            TransactionOptions.ReadOnly,
            async session =>
            {
                var steps = await FindAsync(session);
                return [.. steps.Where(s => !IsRestoredLater(s, steps)).Select(s => new SchemaRemoval(s.Kind, s.Object, s.Action))];
            },
            cancellation);

    /// <summary>Does it; each object is reported when it is done.</summary>
    /// <param name="report">Told of each object.</param>
    /// <param name="waiting">Told what it waits for.</param>
    /// <param name="cancellation">Ends it; the next uninstall goes on from there.</param>
    /// <exception cref="SchemaException">Nothing is installed, a run is under way, or a replaced definition can't be brought back.</exception>
    public async Task ApplyAsync(Action<SchemaRemoval> report, Action<string>? waiting, CancellationToken cancellation)
    {
        var restored = await ShortLock.TransactAsync(database, "Removing triggers", RestoreAsync, waiting, cancellation);
        restored.ForEach(report);
        await DropIndexesAsync(report, waiting, cancellation);
        foreach (var index in await StaleIndexesAsync(cancellation))
            await SchemaInstaller.RebuildAsync(database, index, waiting, cancellation);
        foreach (var constraint in await database.TransactAsync(TransactionOptions.ReadOnly, StaleConstraint.ReadAsync, cancellation))
        {
            if (await constraint.ValidateAsync(database, waiting, cancellation) is { } violation)
                report(new("Constraint", $"{constraint.Name} on {constraint.Table}", "Kept", violation));
        }

        var removed = await ShortLock.TransactAsync(database, "Removing functions and tables", RemoveAsync, waiting, cancellation);
        removed.ForEach(report);
    }

    private async Task<List<SchemaRemoval>> RestoreAsync(DatabaseSession session)
    {
        await session.ExecuteAsync(SchemaScript.Prologue);
        await RefuseWhileRunningAsync(session);
        var steps = await FindAsync(session);
        List<SchemaRemoval> done = [];
        foreach (var step in steps.Where(s => s.Phase < IndexPhase))
        {
            var reason = step.Phase == 4 ? await TryAsync(session, step) : null;
            if (step.Phase != 4)
                await RestoreAsync(session, step);
            // What can't be dropped yet is still ours: a trigger on another role's table goes with its function.
            await session.ExecuteAsync(
                """
                DELETE FROM linkage.installed_object WHERE object = @Object AND NOT @isLeft;
                DELETE FROM linkage.replaced_definition WHERE object = @Object AND NOT @isDrop;
                """,
                new { step.Object, isDrop = step.Phase == 1, isLeft = step.Statements.Length == 0 });
            if (!IsRestoredLater(step, steps))
                done.Add(new(step.Kind, step.Object, reason is null ? step.Action : "Kept", reason));
        }

        return done;
    }

    private static async Task RestoreAsync(DatabaseSession session, Step step)
    {
        if (FunctionName(step) is var (schema, name))
            await NoteStaleAsync(session, schema, name);
        try
        {
            foreach (var statement in step.Statements)
                await session.ExecuteAsync(statement);
        }
        catch (PostgresException e) when (e.SqlState is not (PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.QueryCanceled))
        {
            throw new SchemaException(
                $"The former {step.Object} can't be brought back: {e.MessageText} Nothing was changed. Its definition is in "
                + "linkage.replaced_definition: correct it there, or delete the row to go without it, and uninstall again.",
                e);
        }
    }

    // normalize_phone as it was gives other values: what stores them is built again, and what checks them is validated again.
    private static Task<int> NoteStaleAsync(DatabaseSession session, string schema, string name)
    {
        var dependents = EmbeddedSql.Read("Schema/find_dependents.sql")
            .Replace("{{app}}", schema, StringComparison.Ordinal)
            .Replace("$1", "@name", StringComparison.Ordinal);
        return session.ExecuteAsync(
            """
            INSERT INTO linkage.stale_index (index_name, function)
            SELECT DISTINCT d."Name", @name
            FROM (
            """ + dependents + """
            ) AS d
            WHERE d."Kind" = 'index' AND NOT EXISTS (
              SELECT FROM linkage.installed_object i WHERE i.object = 'index ' || d."Name")
            ON CONFLICT (index_name) DO NOTHING;

            INSERT INTO linkage.stale_constraint (table_name, constraint_name, function)
            SELECT DISTINCT d."Table", d."Part", @name
            FROM (
            """ + dependents + """
            ) AS d
            WHERE d."Kind" = 'constraint'
            ON CONFLICT (table_name, constraint_name) DO UPDATE SET is_lifted = false
            """,
            new { name });
    }

    private async Task DropIndexesAsync(Action<SchemaRemoval> report, Action<string>? waiting, CancellationToken cancellation)
    {
        var steps = await database.TransactAsync(TransactionOptions.ReadOnly, FindAsync, cancellation);
        var indexes = new ConcurrentIndex(database, waiting);
        foreach (var step in steps.Where(s => s.Phase == IndexPhase))
        {
            await indexes.DropAsync(step.Object["index ".Length..], cancellation);
            await database.TransactAsync(
                TransactionOptions.ReadWrite,
                session => session.ExecuteAsync("DELETE FROM linkage.installed_object WHERE object = @Object", new { step.Object }),
                cancellation);
            report(new(step.Kind, step.Object, step.Action));
        }
    }

    private Task<IReadOnlyList<string>> StaleIndexesAsync(CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<string>("SELECT index_name FROM linkage.stale_index ORDER BY 1"),
            cancellation);

    private async Task<List<SchemaRemoval>> RemoveAsync(DatabaseSession session)
    {
        await session.ExecuteAsync(SchemaScript.Prologue);
        var steps = await FindAsync(session);
        List<SchemaRemoval> done = [];
        // Tables refer to each other: together they can go in any order.
        var pending = new Queue<Step>(steps.Where(s => s.Phase >= FirstRemovalPhase));
        for (var failures = 0; pending.TryDequeue(out var step);)
        {
            var reason = await KeepsFlagsAsync(session, step) ?? await TryAsync(session, step);
            if (reason is not null && failures < pending.Count)
            {
                failures++;
                pending.Enqueue(step);
                continue;
            }

            failures = reason is null ? 0 : failures;
            done.Add(new(step.Kind, step.Object, reason is null ? step.Action : "Kept", reason));
        }

        if (!await session.QuerySingleAsync<bool>("SELECT EXISTS (SELECT FROM linkage.replaced_definition)"))
            await session.ExecuteAsync("DROP TABLE linkage.replaced_definition");
        await TryAsync(session, new Step { Object = "schema linkage", Statements = ["DROP SCHEMA linkage"] });
        return done;
    }

    /// <summary>Flags of the application's own may have come to live in a table that Linkage made: then it and its function stay.</summary>
    private static async Task<string?> KeepsFlagsAsync(DatabaseSession session, Step step)
    {
        if (!step.Object.EndsWith(".feature_flags", StringComparison.Ordinal) && !step.Object.EndsWith(".get_feature_flag(text)", StringComparison.Ordinal))
            return null;
        var schema = step.Object[(step.Object.IndexOf(' ', StringComparison.Ordinal) + 1)..step.Object.LastIndexOf('.')];
        var table = await session.QuerySingleAsync<string?>("SELECT to_regclass(@name)::text", new { name = $"{schema}.feature_flags" });
        var hasOthers = table is not null && await session.QuerySingleAsync<bool>(
            $"SELECT EXISTS (SELECT FROM {table} f WHERE to_jsonb(f) ->> 'name' NOT LIKE 'LINK\\_USER\\_BY\\_PHONE%')");
        return hasOthers ? $"{table} holds flags of the application." : null;
    }

    private async Task<IReadOnlyList<Step>> FindAsync(DatabaseSession session)
    {
        var state = await SchemaState.ReadAsync(session, wantedSchema: null);
        state.RequireInstaller();
        if (!state.IsInstalled)
        {
            throw new SchemaException(
                $"Linkage is not installed in database {database.Database}. Get-LinkageConnection says which database that is.");
        }

        return await session.QueryAsync<Step>(
            EmbeddedSql.Read("Schema/find_removals.sql").Replace("{{app}}", state.QuotedSchema, StringComparison.Ordinal), new { includeHistory });
    }

    private static async Task RefuseWhileRunningAsync(DatabaseSession session)
    {
        if (!await session.QuerySingleAsync<bool>("SELECT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = to_regnamespace('linkage') AND p.proname = 'run_is_alive')"))
            return;
        var running = await session.QueryAsync<Guid>("SELECT r.id FROM linkage.run r WHERE r.status = 'running' AND linkage.run_is_alive(r)");
        if (running.Count > 0)
            throw new SchemaException($"Run {running[0]} is under way. Wait for it, or end its session, and uninstall again.");
    }

    /// <summary>Does a step; what it runs into is returned, and it leaves nothing behind then.</summary>
    private static async Task<string?> TryAsync(DatabaseSession session, Step step)
    {
        await session.ExecuteAsync("SAVEPOINT removal");
        try
        {
            foreach (var statement in step.Statements)
                await session.ExecuteAsync(statement);
            await session.ExecuteAsync("RELEASE SAVEPOINT removal");
            return null;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DependentObjectsStillExist or PostgresErrorCodes.NotNullViolation or PostgresErrorCodes.DuplicateObject)
        {
            await session.ExecuteAsync("ROLLBACK TO SAVEPOINT removal");
            if (e.SqlState != PostgresErrorCodes.DependentObjectsStillExist)
                return e.MessageText;
            var dependents = await session.QueryAsync<string>(
                EmbeddedSql.Read("Schema/find_object_dependents.sql"), new { name = step.Object[(step.Object.IndexOf(' ', StringComparison.Ordinal) + 1)..] });
            return $"Needed by {string.Join(", ", dependents)}.";
        }
    }

    /// <summary>A trigger of ours whose place another takes again counts as restored, not as removed.</summary>
    private static bool IsRestoredLater(Step step, IReadOnlyList<Step> steps) =>
        step.Phase == 1 && steps.Any(s => s.Phase == 3 && s.Object == step.Object);

    private static (string Schema, string Name)? FunctionName(Step step)
    {
        if (step.Phase != 2)
            return null;
        var start = "function ".Length;
        var end = step.Object.IndexOf('(', StringComparison.Ordinal);
        var dot = step.Object.LastIndexOf('.', end);
        return (step.Object[start..dot], step.Object[(dot + 1)..end]);
    }

    private sealed record Step
    {
        public int Phase { get; init; }

        public string Object { get; init; } = string.Empty;

        public string Kind { get; init; } = string.Empty;

        public string Action { get; init; } = string.Empty;

        public string[] Statements { get; init; } = [];
    }
}
