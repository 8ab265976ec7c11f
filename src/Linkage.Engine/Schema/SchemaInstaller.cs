using System.Reflection;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Schema;

/// <summary>
/// Creates or upgrades what the database needs. Tables and functions go in one transaction under an advisory lock; triggers each in
/// a short one that gives up on a busy table and tries again; indexes on application tables concurrently, outside any.
/// </summary>
/// <param name="database">Where to.</param>
/// <param name="applicationSchema">The schema of the application's tables, where the documented names go too.</param>
public sealed class SchemaInstaller(LinkageDatabase database, string applicationSchema = "public")
{
    private static readonly TimeSpan _triggerLockTimeout = TimeSpan.FromSeconds(2);
    private const int TriggerAttempts = 30;

    /// <summary>The version that migrations and runs record.</summary>
    public static string ModuleVersion { get; } =
        Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);

    /// <summary>Finds out what an install would do. Writes nothing.</summary>
    /// <param name="components">Of <see cref="Migration.Components"/>; none for all.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="SchemaException">A component is unknown, or the application's tables are not what user links need.</exception>
    public Task<SchemaPlan> PlanAsync(IReadOnlyCollection<string> components, CancellationToken cancellation)
    {
        var wanted = Wanted(components);
        return database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session =>
            {
                var tokens = await SchemaTokens.ReadAsync(session, applicationSchema);
                var state = await SchemaState.ReadAsync(session, tokens.ApplicationSchema);
                List<SchemaStep> steps = [];
                foreach (var migration in wanted)
                {
                    var adopted = state.KeepArgumentNames(migration, tokens);
                    steps.Add(state.Judge(new SchemaStep(
                        migration.Component, migration.Kind, migration.Name, tokens.Render(adopted), IsNeeded: true)));
                }

                // An upgrade makes all functions anew, so one that changed brings the others along.
                if (steps.Any(s => s is { Kind: MigrationKind.Versioned or MigrationKind.Repeatable, IsNeeded: true }))
                    steps = [.. steps.Select(s => s.Kind == MigrationKind.Repeatable ? s with { IsNeeded = true } : s)];

                return new SchemaPlan(steps, steps.Any(s => s.IsNeeded) ? state.Replaces : []);
            },
            cancellation);
    }

    /// <summary>Does what is needed of a plan, step by step; each is reported when it is done.</summary>
    /// <exception cref="PostgresException">A step failed; the transactional part then left nothing behind.</exception>
    public async Task ApplyAsync(SchemaPlan plan, Action<SchemaStep> report, CancellationToken cancellation)
    {
        var transactional = plan.Steps.Where(s => s.Kind is MigrationKind.Versioned or MigrationKind.Repeatable).ToList();
        if (transactional.Any(s => s.IsNeeded))
            await ApplyTransactionalAsync(transactional, cancellation);
        transactional.ForEach(report);

        foreach (var step in plan.Steps.Where(s => s.Kind == MigrationKind.Trigger))
        {
            if (step.IsNeeded)
                await ApplyTriggerAsync(step, cancellation);
            report(step);
        }

        foreach (var step in plan.Steps.Where(s => s.Kind == MigrationKind.Index))
        {
            if (step.IsNeeded)
                await new ConcurrentIndex(database).BuildAsync(step.Sql, cancellation);
            report(step);
        }
    }

    /// <summary>The plan as one SQL script for psql, for those who must review DDL first.</summary>
    public async Task<string> ScriptAsync(SchemaPlan plan, CancellationToken cancellation)
    {
        var tokens = await database.TransactAsync(
            TransactionOptions.ReadOnly, s => SchemaTokens.ReadAsync(s, applicationSchema), cancellation);
        return SchemaScript.Write(plan, tokens);
    }

    private Task ApplyTransactionalAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadWrite,
            async session =>
            {
                await session.ExecuteAsync(SchemaScript.Prologue);
                await session.ExecuteAsync(EmbeddedSql.Read("Schema/bootstrap.sql"));
                var tokens = await SchemaTokens.ReadAsync(session, applicationSchema);
                foreach (var step in steps.Where(s => s.IsNeeded))
                {
                    await session.ExecuteAsync(step.Sql);
                    await session.ExecuteAsync(SchemaScript.Record(step));
                }

                await session.ExecuteAsync(tokens.Render(EmbeddedSql.Read("Schema/settle.sql")));
            },
            cancellation);

    private async Task ApplyTriggerAsync(SchemaStep step, CancellationToken cancellation)
    {
        var options = TransactionOptions.ReadWrite with { LockTimeout = _triggerLockTimeout };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await database.TransactAsync(
                    options,
                    async session =>
                    {
                        await session.ExecuteAsync(step.Sql);
                        await session.ExecuteAsync(SchemaScript.Record(step));
                        await session.ExecuteAsync(SchemaScript.RecordObjects);
                    },
                    cancellation);
                return;
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                if (attempt == TriggerAttempts)
                {
                    throw new SchemaException(
                        $"{step.Name} could not get its short lock in {TriggerAttempts} attempts, since the table is in use by a long "
                        + "transaction. Everything before it is installed; run the install again in a quieter moment.",
                        e);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1000)), cancellation);
            }
        }
    }

    private static List<Migration> Wanted(IReadOnlyCollection<string> components)
    {
        var unknown = components.FirstOrDefault(c => !Migration.Components.Contains(c, StringComparer.OrdinalIgnoreCase));
        if (unknown is not null)
        {
            throw new SchemaException(
                $"There is no component {unknown} in this version. The components are: {string.Join(", ", Migration.Components)}.");
        }

        return
        [
            .. Migration.All.Where(m =>
                components.Count == 0
                || Migration.Foundation.Contains(m.Component)
                || components.Contains(m.Component, StringComparer.OrdinalIgnoreCase)),
        ];
    }
}
