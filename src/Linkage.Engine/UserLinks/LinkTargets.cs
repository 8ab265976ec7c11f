using Linkage.Engine.Database;
using Linkage.Engine.Schema;

namespace Linkage.Engine.UserLinks;

/// <summary>The registry of targets: whatever table is in it is linked by triggers, backfills and guests, audited and undone.</summary>
/// <param name="database">Where.</param>
public sealed class LinkTargets(LinkageDatabase database)
{
    private const string Arguments =
        """
        @Table::text, @KeyColumns::text[], @PhoneColumn::text, @UserColumn::text, @GuestColumn::text, @EventColumn::text, @Name::text,
        @Replaces::boolean
        """;

    /// <summary>The targets of these names, or with these tables in SQL notation; all of them where both are null. By name.</summary>
    /// <exception cref="LinkageException">There is no such target.</exception>
    public Task<IReadOnlyList<LinkTarget>> FindAsync(string[]? names, string[]? tables, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-LinkTarget" },
            session => session.QueryAsync<LinkTarget>(
                $"SELECT {Columns("t")} FROM linkage.find_link_targets(@names::text[], @tables::text[]) t", new { names, tables }),
            cancellation);

    /// <summary>What a registration would come to. Writes nothing.</summary>
    /// <exception cref="LinkageException">The table can't be registered so; the message has every problem with its remedy.</exception>
    public Task<LinkTargetRegistration> PlanAsync(LinkTargetDefinition definition, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Register-LinkTarget" },
            session => RegistrationAsync(session, "linkage.plan_link_target", definition),
            cancellation);

    /// <summary>Registers a table and installs its triggers, or neither. A definition that is registered already is no fault.</summary>
    /// <param name="definition">What to register.</param>
    /// <param name="waiting">Told what it waits for.</param>
    /// <param name="cancellation">Ends it; nothing is registered then.</param>
    /// <exception cref="LinkageException">
    /// The table can't be registered so (the message has every problem with its remedy), it was in use for too long, or a run holds the
    /// target that is to be replaced.
    /// </exception>
    public async Task<LinkTargetRegistration> RegisterAsync(
        LinkTargetDefinition definition, Action<string>? waiting, CancellationToken cancellation)
    {
        // Names are looked up in the caller's search_path; what follows is done without one.
        var planned = await PlanAsync(definition, cancellation);
        var exact = definition with { Table = planned.Target.Table };
        var done = await InstallAsync(
            $"Registering {planned.Target.Name}", s => RegistrationAsync(s, "linkage.register_link_target", exact), waiting, cancellation);
        return done with { Warnings = planned.Warnings };
    }

    /// <summary>What would go with a target, and what would stay. Writes nothing.</summary>
    /// <exception cref="LinkageException">There is no such target, or it is the one that Linkage is installed for.</exception>
    public Task<LinkTargetRemoval> PlanRemovalAsync(string name, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Unregister-LinkTarget" },
            session => RemovalAsync(session, name, isPlan: true),
            cancellation);

    /// <summary>Takes a target's triggers away and forgets it. Its audit, runs and suppressions stay.</summary>
    /// <param name="name">The target, by its name or its table in SQL notation.</param>
    /// <param name="waiting">Told what it waits for.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">
    /// There is no such target, it is the one that Linkage is installed for, a run holds it, or its table was in use for too long.
    /// </exception>
    public async Task<LinkTargetRemoval> UnregisterAsync(string name, Action<string>? waiting, CancellationToken cancellation)
    {
        var planned = await PlanRemovalAsync(name, cancellation);
        return await InstallAsync(
            $"Unregistering {planned.Target.Name}", s => RemovalAsync(s, planned.Target.Name, isPlan: false), waiting, cancellation);
    }

    // As an install does it: one at a time, as the owner of schema linkage, with short waits for the table's lock.
    private Task<T> InstallAsync<T>(
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

    private static async Task<LinkTargetRegistration> RegistrationAsync(
        DatabaseSession session, string function, LinkTargetDefinition definition)
    {
        var row = await session.QuerySingleAsync<Row>(
            $"""
            SELECT {Columns("(p.target)")}, p.change AS "Change", p.warnings AS "Warnings"
            FROM {function}({Arguments}) p
            """,
            definition);
        return new LinkTargetRegistration(row.Target, row.Change, row.Warnings);
    }

    private static async Task<LinkTargetRemoval> RemovalAsync(DatabaseSession session, string name, bool isPlan)
    {
        var row = await session.QuerySingleAsync<Row>(
            $"""
            SELECT {Columns("(p.target)")}, p.runs AS "Runs", p.suppressions AS "Suppressions"
            FROM linkage.unregister_link_target(@name, @isPlan) p
            """,
            new { name, isPlan });
        return new LinkTargetRemoval(row.Target, row.Runs, row.Suppressions);
    }

    /// <summary>The columns of a target that an expression is.</summary>
    private static string Columns(string target) =>
        $"""
        {target}.name AS "Name", linkage.target_table({target}) AS "Table", {target}.key_columns::text[] AS "KeyColumns",
        {target}.phone_column::text AS "PhoneColumn", {target}.user_column::text AS "UserColumn",
        {target}.guest_column::text AS "GuestColumn", {target}.event_column::text AS "EventColumn", {target}.created_at AS "CreatedAt"
        """;

    private sealed record Row
    {
        public string Name { get; init; } = "";

        public string Table { get; init; } = "";

        public string[] KeyColumns { get; init; } = [];

        public string PhoneColumn { get; init; } = "";

        public string UserColumn { get; init; } = "";

        public string? GuestColumn { get; init; }

        public string? EventColumn { get; init; }

        public DateTime? CreatedAt { get; init; }

        public string Change { get; init; } = "";

        public string[] Warnings { get; init; } = [];

        public long Runs { get; init; }

        public long Suppressions { get; init; }

        public LinkTarget Target => new()
        {
            Name = Name,
            Table = Table,
            KeyColumns = KeyColumns,
            PhoneColumn = PhoneColumn,
            UserColumn = UserColumn,
            GuestColumn = GuestColumn,
            EventColumn = EventColumn,
            CreatedAt = CreatedAt,
        };
    }
}
