using Linkage.Engine.Database;
using Linkage.Engine.Schema;

namespace Linkage.Engine.UserSync;

/// <summary>A column of the profiles, and where it comes from.</summary>
public sealed record ProfileColumn
{
    /// <summary>Its place in the table.</summary>
    public int Position { get; init; }

    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its type; null where the table has no such column.</summary>
    public string? Type { get; init; }

    /// <summary>Whether it says whose profile it is.</summary>
    public bool IsKey { get; init; }

    /// <summary>Whether a profile can't be without it.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Columns of the account, or paths into its JSON; the first that has a value is taken.</summary>
    public string[] Sources { get; init; } = [];

    /// <summary>The constant to take where none of them has a value; null for none.</summary>
    public string? Fallback { get; init; }

    /// <summary>Whether that was set by hand.</summary>
    public bool IsMapped { get; init; }

    /// <summary>The SQL of it; null where nothing is copied.</summary>
    public string? Expression { get; init; }

    /// <summary>Why it can't be used so; null if it can.</summary>
    public string? Problem { get; init; }
}

/// <summary>
/// Says where the columns of a profile come from. Linkage finds that by comparing the two tables; what is set by hand goes before.
/// </summary>
/// <param name="database">Where.</param>
public sealed class ProfileMappings(LinkageDatabase database)
{
    private const string Columns =
        """
        c.position AS "Position", c.profile_column::text AS "Name", c.type AS "Type", c.is_key AS "IsKey", c.is_required AS "IsRequired",
        c.sources AS "Sources", c.fallback AS "Fallback", c.is_mapped AS "IsMapped", c.expression AS "Expression", c.problem AS "Problem"
        """;

    /// <summary>The columns of the profiles, in the table's order.</summary>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public Task<IReadOnlyList<ProfileColumn>> FindAsync(CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-UserSyncMapping" },
            session => session.QueryAsync<ProfileColumn>($"SELECT {Columns} FROM linkage.profile_columns() c ORDER BY c.position, 2"),
            cancellation);

    /// <summary>What a mapping would come to. Writes nothing.</summary>
    /// <inheritdoc cref="MapAsync"/>
    public Task<ProfileColumn> PlanAsync(
        string column, IReadOnlyList<string> sources, string? fallback, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Set-UserSyncMapping" },
            session => session.QuerySingleAsync<ProfileColumn>(
                $"SELECT {Columns} FROM linkage.plan_profile_mapping(@column, @sources::text[], @fallback) c",
                new { column, sources = sources.ToArray(), fallback }),
            cancellation);

    /// <summary>Where a column would come from if what was set for it were forgotten; null where the table has no such column. Writes nothing.</summary>
    /// <exception cref="LinkageException">Linkage, or its user sync, is not installed.</exception>
    public Task<ProfileColumn?> PlanRemovalAsync(string column, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Remove-UserSyncMapping" },
            session => session.QuerySingleOrDefaultAsync<ProfileColumn>(
                $"SELECT {Columns} FROM linkage.profile_column_by(@column, NULL, NULL, false) c", new { column }),
            cancellation);

    /// <summary>Sets where a column comes from, and makes what copies it anew.</summary>
    /// <param name="column">The column of the profiles.</param>
    /// <param name="sources">Columns of the account, or paths into its JSON; none, and no fallback: the column is not copied.</param>
    /// <param name="fallback">The constant to take where none of them has a value.</param>
    /// <param name="waiting">Told what it waits for.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">There is no such column or source, or their types don't fit.</exception>
    public Task<ProfileColumn> MapAsync(
        string column, IReadOnlyList<string> sources, string? fallback, Action<string>? waiting, CancellationToken cancellation) =>
        ChangeAsync(
            $"Mapping {column}",
            async session =>
            {
                var values = new { column, sources = sources.ToArray(), fallback };
                await session.ExecuteAsync("SELECT linkage.map_profile_column(@column, @sources::text[], @fallback)", values);
                return await session.QuerySingleAsync<ProfileColumn>(
                    $"SELECT {Columns} FROM linkage.profile_columns() c WHERE c.profile_column = @column", values);
            },
            waiting,
            cancellation);

    /// <summary>Forgets what was set for a column, so that Linkage finds again by itself where it comes from.</summary>
    /// <returns>Whether anything was set.</returns>
    /// <inheritdoc cref="MapAsync"/>
    public Task<bool> UnmapAsync(string column, Action<string>? waiting, CancellationToken cancellation) =>
        ChangeAsync(
            $"Unmapping {column}",
            session => session.QuerySingleAsync<bool>("SELECT linkage.unmap_profile_column(@column)", new { column }),
            waiting,
            cancellation);

    // As an install does it: one at a time, as the owner of schema linkage, since functions are made anew.
    private Task<T> ChangeAsync<T>(
        string what, Func<DatabaseSession, Task<T>> work, Action<string>? waiting, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database,
            what,
            async session =>
            {
                (await SchemaState.ReadAsync(session, wantedSchema: null)).RequireInstaller();
                await session.ExecuteAsync(SchemaScript.Prologue);
                return await work(session);
            },
            waiting,
            cancellation);
}
