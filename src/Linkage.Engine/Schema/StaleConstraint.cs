using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Schema;

/// <summary>
/// A CHECK constraint that calls a function that was replaced: whether it holds for the rows that are there must be found out again.
/// </summary>
/// <param name="Table">The table as SQL has it, with its schema.</param>
/// <param name="Name">The constraint's name, unquoted.</param>
internal sealed record StaleConstraint(string Table, string Name)
{
    /// <summary>All that an install or uninstall noted and has not validated yet.</summary>
    public static Task<IReadOnlyList<StaleConstraint>> ReadAsync(DatabaseSession session) =>
        session.QueryAsync<StaleConstraint>(
            """SELECT table_name AS "Table", constraint_name AS "Name" FROM linkage.stale_constraint ORDER BY 1, 2""");

    /// <summary>The step of a plan that validates it.</summary>
    public SchemaStep Step(string component) => new(component, MigrationKind.Validation, $"{Name} on {Table}", string.Empty) { Constraint = this };

    /// <summary>Makes it NOT VALID: it holds for rows that are written from then on. Takes a strong lock, and reads no row.</summary>
    public string Lift => $"SELECT linkage.lift_constraint({Literal(Table)}, {Literal(Name)});";

    /// <summary>Looks at all rows, and lets them be written meanwhile.</summary>
    public string Validate => $"ALTER TABLE {Table} VALIDATE CONSTRAINT {Quote(Name)}";

    /// <summary>Notes that it holds for all rows.</summary>
    public string Forget => $"DELETE FROM linkage.stale_constraint WHERE table_name = {Literal(Table)} AND constraint_name = {Literal(Name)};";

    /// <summary>An identifier as SQL has it.</summary>
    public static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Validates it again, first under a short lock, then outside any.</summary>
    /// <returns>Null; or which row breaks it and what to do, and then it stays NOT VALID and noted, so that the next install tries again.</returns>
    /// <exception cref="LinkageException">The table was in use for too long.</exception>
    public async Task<string?> ValidateAsync(LinkageDatabase database, Action<string>? waiting, CancellationToken cancellation)
    {
        await ShortLock.TransactAsync(
            database,
            $"Constraint {Name} of {Table}",
            async session =>
            {
                await session.ExecuteAsync(SchemaScript.Prologue);
                await session.ExecuteAsync(Lift);
            },
            waiting,
            cancellation);
        try
        {
            await database.ExecuteOutsideTransactionAsync(Validate, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CheckViolation)
        {
            return await database.TransactAsync(TransactionOptions.ReadOnly with { StatementTimeout = TimeSpan.Zero }, DescribeAsync, cancellation);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedObject)
        {
            // Dropped since it was noted.
        }

        await database.TransactAsync(TransactionOptions.ReadWrite, session => session.ExecuteAsync(Forget), cancellation);
        return null;
    }

    private async Task<string> DescribeAsync(DatabaseSession session)
    {
        await session.ExecuteAsync("SET LOCAL search_path = pg_catalog, pg_temp");
        var row = await session.QuerySingleAsync<Violation>(EmbeddedSql.Read("Schema/find_violation.sql"), this);
        var key = await session.QuerySingleOrDefaultAsync<string>($"SELECT {row.Key} {row.Rows} LIMIT 1");
        return $"{Table} has rows that break it with the function as it is now, the first one where {key}. It holds for rows that are written, "
            + $"and stays NOT VALID. Correct what SELECT * {row.Rows} lists, then {Validate}.";
    }

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private sealed record Violation(string Key, string Rows);
}
