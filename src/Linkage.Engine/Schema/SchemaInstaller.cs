using System.Reflection;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Schema;

/// <summary>
/// Creates or upgrades what the database needs. Tables and functions go in one transaction under an advisory lock; triggers each in
/// a short one that gives up on a busy table and tries again; indexes on application tables concurrently, outside any.
/// </summary>
/// <param name="database">Where to.</param>
/// <param name="applicationSchema">
/// The schema of the application's tables, where the documented names go too; null for the one that was installed for, else public.
/// </param>
public sealed class SchemaInstaller(LinkageDatabase database, string? applicationSchema = null)
{
    /// <summary>The version that migrations and runs record.</summary>
    public static string ModuleVersion { get; } =
        Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);

    /// <summary>Finds out what an install would do. Writes nothing.</summary>
    /// <param name="components">
    /// Of <see cref="Migration.Components"/>; none for all that fit the database. What is installed already is always upgraded along.
    /// </param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="SchemaException">
    /// A component is unknown or lacks its tables, something of the application's can't be adopted, a privilege is missing, or a newer
    /// version is installed. The message has every problem with its remedy.
    /// </exception>
    public Task<SchemaPlan> PlanAsync(IReadOnlyCollection<string> components, CancellationToken cancellation) =>
        database.TransactAsync(TransactionOptions.ReadOnly, session => PlanAsync(session, components), cancellation);

    /// <summary>Does what is needed of a plan, step by step; each is reported when it is done.</summary>
    /// <param name="plan">What is to be done. What another install did meanwhile is done again, without harm.</param>
    /// <param name="report">Told each step when it is done.</param>
    /// <param name="waiting">Told what a step waits for.</param>
    /// <param name="cancellation">Ends the install; what was reported stands, and a later install goes on from there.</param>
    /// <exception cref="SchemaException">Something can't be adopted.</exception>
    /// <exception cref="LinkageException">A table was in use for too long.</exception>
    /// <exception cref="PostgresException">A step failed; the transactional part then left nothing behind.</exception>
    public async Task ApplyAsync(SchemaPlan plan, Action<SchemaStep> report, Action<string>? waiting, CancellationToken cancellation)
    {
        var transactional = plan.Steps.Where(s => s.IsTransactional).ToList();
        if (transactional.Any(s => s.IsNeeded))
        {
            var components = plan.Steps.Select(s => s.Component).Except(Migration.Foundation).Distinct().ToList();
            await ShortLock.TransactAsync(
                database, "Installing tables and functions", session => ApplyTransactionalAsync(session, components), waiting, cancellation);
        }

        transactional.ForEach(report);
        foreach (var step in plan.Steps.Where(s => s.Kind == MigrationKind.Trigger))
        {
            if (step.IsNeeded)
                await ApplyTriggerAsync(step, waiting, cancellation);
            report(step);
        }

        var indexes = new ConcurrentIndex(database, waiting);
        foreach (var step in plan.Steps.Where(s => s.Kind == MigrationKind.Index))
        {
            if (step.IsNeeded)
                await ApplyIndexAsync(indexes, IndexDefinition.Parse(step.Sql), cancellation);
            report(step);
        }

        await RebuildStaleIndexesAsync(plan, report, waiting, cancellation);
        await ValidateStaleConstraintsAsync(plan, report, waiting, cancellation);
    }

    /// <summary>The plan as one SQL script for psql, for those who must review DDL first.</summary>
    public async Task<string> ScriptAsync(SchemaPlan plan, CancellationToken cancellation)
    {
        var statements = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session =>
            {
                Dictionary<string, IReadOnlyList<string>> found = [];
                foreach (var step in plan.Steps.Where(s => s is { Kind: MigrationKind.Index, IsNeeded: true }))
                    found[step.Name] = await ConcurrentIndex.ScriptAsync(session, IndexDefinition.Parse(step.Sql));
                return found;
            },
            cancellation);
        return SchemaScript.Write(plan, statements);
    }

    private async Task<SchemaPlan> PlanAsync(DatabaseSession session, IReadOnlyCollection<string> components)
    {
        var state = await SchemaState.ReadAsync(session, applicationSchema);
        state.RequireInstaller();
        if (state.NewestVersion is { } newest && newest > Version.Parse(ModuleVersion))
            throw SchemaException.Newer(newest);
        return await SchemaPlanner.PlanAsync(session, state, components);
    }

    // Planned again under the lock: another install may have been at work since.
    private async Task ApplyTransactionalAsync(DatabaseSession session, IReadOnlyCollection<string> components)
    {
        await session.ExecuteAsync(SchemaScript.Prologue);
        var plan = await PlanAsync(session, components);
        var steps = plan.Steps.Where(s => s is { IsTransactional: true, IsNeeded: true }).ToList();
        if (steps.Count == 0)
            return;
        await session.ExecuteAsync(SchemaScript.Begin());
        foreach (var step in steps)
            await session.ExecuteAsync(SchemaScript.Statements(step));
        await session.ExecuteAsync(SchemaScript.Settle(plan.ApplicationSchema));
    }

    private Task ApplyTriggerAsync(SchemaStep step, Action<string>? waiting, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database,
            $"Trigger {step.Component}/{step.Name}",
            async session =>
            {
                await session.ExecuteAsync(SchemaScript.Prologue);
                await session.ExecuteAsync(SchemaScript.Statements(step));
            },
            waiting,
            cancellation);

    private async Task ApplyIndexAsync(ConcurrentIndex indexes, IndexDefinition index, CancellationToken cancellation)
    {
        await database.TransactAsync(
            TransactionOptions.ReadWrite, session => session.ExecuteAsync(SchemaScript.RecordIndex(index)), cancellation);
        await indexes.BuildAsync(index, cancellation);
    }

    private async Task RebuildStaleIndexesAsync(
        SchemaPlan plan, Action<SchemaStep> report, Action<string>? waiting, CancellationToken cancellation)
    {
        var stale = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<string>("SELECT index_name FROM linkage.stale_index ORDER BY 1"),
            cancellation);
        foreach (var index in stale)
            await RebuildAsync(database, index, waiting, cancellation);
        foreach (var step in plan.Steps.Where(s => s.Kind == MigrationKind.Rebuild))
            report(step);
    }

    private async Task ValidateStaleConstraintsAsync(
        SchemaPlan plan, Action<SchemaStep> report, Action<string>? waiting, CancellationToken cancellation)
    {
        Dictionary<StaleConstraint, string> broken = [];
        foreach (var constraint in await database.TransactAsync(TransactionOptions.ReadOnly, StaleConstraint.ReadAsync, cancellation))
        {
            if (await constraint.ValidateAsync(database, waiting, cancellation) is { } violation)
                broken.Add(constraint, violation);
        }

        foreach (var step in plan.Steps.Where(s => s.Kind == MigrationKind.Validation))
            report(broken.TryGetValue(step.Constraint!, out var violation) ? step with { Notes = [violation] } : step);
    }

    /// <summary>Builds a stale index again and forgets that it was stale.</summary>
    internal static async Task RebuildAsync(LinkageDatabase database, string index, Action<string>? waiting, CancellationToken cancellation)
    {
        try
        {
            await new ConcurrentIndex(database, waiting).RebuildAsync(index, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new SchemaException(
                $"Index {index} is unique, and can't be built again: phones that were different before are the same now. ({e.Detail}) "
                + "The old index stays, with values of the old definition. Join those rows or drop the index, and install again.",
                e);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            // Dropped since it was noted.
        }

        await database.TransactAsync(
            TransactionOptions.ReadWrite, session => session.ExecuteAsync(SchemaScript.ForgetStale(index)), cancellation);
    }
}
