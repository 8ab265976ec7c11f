using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Schema;

namespace Linkage.Engine.Customers;

/// <summary>The registry of the tables that hold leads, customers, addresses, the application's audit, and rows that follow a lead.</summary>
/// <param name="database">Where.</param>
public sealed class CustomerTables(LinkageDatabase database)
{
    /// <summary>All that are registered: the customers, the leads, what belongs to them, then followers by name.</summary>
    /// <exception cref="LinkageException">Linkage, or its customers, are not installed.</exception>
    public async Task<IReadOnlyList<CustomerTable>> FindAsync(CancellationToken cancellation)
    {
        var rows = await database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-CustomerTable" },
            session => session.QueryAsync<Row>(
                $"""
                SELECT {Columns("t")}
                FROM linkage.customer_table t
                ORDER BY array_position(ARRAY['customer', 'lead', 'address', 'audit', 'follower'], t.role), t.relation
                """),
            cancellation);
        return [.. rows.Select(r => r.Table)];
    }

    /// <summary>What a registration would come to. Writes nothing.</summary>
    /// <inheritdoc cref="RegisterAsync"/>
    public Task<CustomerTableRegistration> PlanAsync(
        string role, string table, IReadOnlyDictionary<string, string?> columns, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Register-CustomerTable" },
            session => RegistrationAsync(session, "linkage.plan_customer_table", role, table, columns),
            cancellation);

    /// <summary>Registers a table, or changes the columns of one. What is registered so already is no fault.</summary>
    /// <param name="role">What is in it: lead, customer, address, audit or follower.</param>
    /// <param name="table">The table, in SQL notation.</param>
    /// <param name="columns">
    /// Bare names by what they are for (see <see cref="CustomerTable.Columns"/>); what is left out is found by its usual name, what is empty
    /// is not used.
    /// </param>
    /// <param name="cancellation">Ends it; nothing is registered then.</param>
    /// <exception cref="LinkageException">The table can't be registered so (the message has every problem with its remedy), or a run is at work.</exception>
    public async Task<CustomerTableRegistration> RegisterAsync(
        string role, string table, IReadOnlyDictionary<string, string?> columns, CancellationToken cancellation)
    {
        var planned = await PlanAsync(role, table, columns, cancellation);
        return await InstallAsync(
            "Register-CustomerTable",
            session => RegistrationAsync(session, "linkage.register_customer_table", role, planned.Table.Table, columns),
            cancellation);
    }

    /// <summary>Forgets a table, or only says which it would be.</summary>
    /// <param name="table">The table, in SQL notation.</param>
    /// <param name="isPlan">Whether nothing is to be written.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">The table is not registered, or a run is at work.</exception>
    public async Task<CustomerTable> UnregisterAsync(string table, bool isPlan, CancellationToken cancellation)
    {
        var planned = await database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Unregister-CustomerTable" },
            session => RemovalAsync(session, table, isPlan: true),
            cancellation);
        return isPlan
            ? planned
            : await InstallAsync(
                "Unregister-CustomerTable", session => RemovalAsync(session, planned.Table, isPlan: false), cancellation);
    }

    // What is registered says which tables a run may write to, which is the business of who owns schema linkage. Names have their schema here,
    // as the session has another search_path.
    private Task<T> InstallAsync<T>(string cmdlet, Func<DatabaseSession, Task<T>> work, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadWrite with { ApplicationName = $"Linkage {cmdlet}" },
            async session =>
            {
                (await SchemaState.ReadAsync(session, wantedSchema: null)).RequireInstaller();
                return await work(session);
            },
            cancellation);

    private static async Task<CustomerTable> RemovalAsync(DatabaseSession session, string table, bool isPlan) =>
        (await session.QuerySingleAsync<Row>(
            $"SELECT {Columns("t")} FROM linkage.unregister_customer_table(@table, @isPlan) t", new { table, isPlan })).Table;

    private static async Task<CustomerTableRegistration> RegistrationAsync(
        DatabaseSession session, string function, string role, string table, IReadOnlyDictionary<string, string?> columns)
    {
        var row = await session.QuerySingleAsync<Row>(
            $"""
            SELECT {Columns("(p.entry)")}, p.change AS "Change", p.warnings AS "Warnings"
            FROM {function}(@role, @table, @columns::jsonb) p
            """,
            new { role, table, columns = JsonSerializer.Serialize(columns) });
        return new CustomerTableRegistration(row.Table, row.Change, row.Warnings);
    }

    private static string Columns(string entry) =>
        $"""
        {entry}.role AS "Role", {entry}.relation AS "Relation", {entry}.columns::text AS "Mapping", {entry}.registered_by AS "RegisteredBy",
        {entry}.registered_at AS "RegisteredAt"
        """;

    private sealed record Row
    {
        public string Role { get; init; } = "";

        public string Relation { get; init; } = "";

        public string Mapping { get; init; } = "{}";

        public string RegisteredBy { get; init; } = "";

        public DateTime? RegisteredAt { get; init; }

        public string Change { get; init; } = "";

        public string[] Warnings { get; init; } = [];

        public CustomerTable Table => new()
        {
            Role = Role,
            Table = Relation,
            Columns = JsonSerializer.Deserialize<Dictionary<string, string>>(Mapping)!,
            RegisteredBy = RegisteredBy,
            RegisteredAt = RegisteredAt,
        };
    }
}
