using Linkage.Engine.Database;
using Linkage.Engine.Schema;

namespace Linkage.Engine.UniqueKeys;

/// <summary>The registry of rules: which rows may not share a key.</summary>
/// <param name="database">Where.</param>
public sealed class UniqueKeyRules(LinkageDatabase database)
{
    /// <summary>All rules: the built-in ones, those that are expected, then registered ones by name.</summary>
    /// <exception cref="LinkageException">Linkage, or its unique keys, are not installed.</exception>
    public async Task<IReadOnlyList<UniqueKeyRule>> FindAsync(CancellationToken cancellation)
    {
        var rows = await database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-UniqueKeyRule" },
            session => session.QueryAsync<Row>(
                $"""
                SELECT {Columns("r")}
                FROM linkage.unique_key_rule r
                ORDER BY array_position(ARRAY['built in', 'expected', 'registered'], r.origin), r.name COLLATE "C"
                """),
            cancellation);
        return [.. rows.Select(r => r.Rule)];
    }

    /// <summary>One rule.</summary>
    /// <exception cref="LinkageException">There is none of that name.</exception>
    public async Task<UniqueKeyRule> GetAsync(string name, CancellationToken cancellation) =>
        (await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QuerySingleAsync<Row>($"SELECT {Columns("r")} FROM linkage.find_unique_key_rule(@name) r", new { name }),
            cancellation)).Rule;

    /// <summary>
    /// What a registration would come to. It leaves nothing behind; as an index is made on an empty copy of the table, and taken back, the
    /// transaction is not READ ONLY.
    /// </summary>
    /// <inheritdoc cref="RegisterAsync"/>
    public Task<UniqueKeyRegistration> PlanAsync(UniqueKeyRequest request, CancellationToken cancellation) =>
        RegistrationAsync("linkage.plan_unique_key_rule", request, cancellation);

    /// <summary>Registers a rule, or replaces a registered one. What is registered so already is no fault.</summary>
    /// <param name="request">The rule.</param>
    /// <param name="cancellation">Ends it; nothing is registered then.</param>
    /// <exception cref="LinkageException">It can't be registered; the message has every problem with its remedy.</exception>
    public async Task<UniqueKeyRegistration> RegisterAsync(UniqueKeyRequest request, CancellationToken cancellation)
    {
        await RequireInstallerAsync(cancellation);
        return await RegistrationAsync("linkage.register_unique_key_rule", request, cancellation);
    }

    /// <summary>Forgets a registered rule, or only says which it would be.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isPlan">Whether nothing is to be written.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">There is no such rule, or it comes with Linkage.</exception>
    public async Task<UniqueKeyRule> UnregisterAsync(string name, bool isPlan, CancellationToken cancellation)
    {
        if (!isPlan)
            await RequireInstallerAsync(cancellation);
        var options = isPlan ? TransactionOptions.ReadOnly : TransactionOptions.ReadWrite;
        return (await database.TransactAsync(
            options with { ApplicationName = "Linkage Unregister-UniqueKeyRule" },
            session => session.QuerySingleAsync<Row>(
                $"SELECT {Columns("r")} FROM linkage.unregister_unique_key_rule(@name, @isPlan) r", new { name, isPlan }),
            cancellation)).Rule;
    }

    // A rule says what is built and what is removed, which is the business of who owns schema linkage. In a transaction of its own, as it changes
    // the search_path by which the rule's names are meant.
    private Task RequireInstallerAsync(CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session => (await SchemaState.ReadAsync(session, wantedSchema: null)).RequireInstaller(),
            cancellation);

    private Task<UniqueKeyRegistration> RegistrationAsync(string function, UniqueKeyRequest request, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadWrite with { ApplicationName = "Linkage Register-UniqueKeyRule" },
            async session =>
            {
                var row = await session.QuerySingleAsync<Row>(
                    $"""
                    SELECT {Columns("(p.entry)")}, p.change AS "Change"
                    FROM {function}(@Name, @Table, @keys, @Predicate, @keep, @OnConflict, @NullsDistinct) p
                    """,
                    new
                    {
                        request.Name, request.Table, keys = request.Keys.ToArray(), request.Predicate, keep = request.Keep.ToArray(),
                        request.OnConflict, request.NullsDistinct,
                    });
                return new UniqueKeyRegistration(row.Rule, row.Change);
            },
            cancellation);

    private static string Columns(string rule) =>
        $"""
        {rule}.name AS "Name", {rule}.relation AS "Relation", {rule}.keys AS "Keys", {rule}.predicate AS "Predicate", {rule}.keep AS "Keep",
        {rule}.on_conflict AS "OnConflict", {rule}.nulls_distinct AS "NullsDistinct", {rule}.origin AS "Origin",
        linkage.rule_index_definition({rule}) AS "Definition", {rule}.registered_by AS "RegisteredBy", {rule}.registered_at AS "RegisteredAt"
        """;

    private sealed record Row
    {
        public string Name { get; init; } = "";

        public string Relation { get; init; } = "";

        public string[] Keys { get; init; } = [];

        public string? Predicate { get; init; }

        public string[] Keep { get; init; } = [];

        public string OnConflict { get; init; } = "";

        public bool NullsDistinct { get; init; }

        public string Origin { get; init; } = "";

        public string Definition { get; init; } = "";

        public string RegisteredBy { get; init; } = "";

        public DateTime? RegisteredAt { get; init; }

        public string Change { get; init; } = "";

        public UniqueKeyRule Rule => new()
        {
            Name = Name,
            Table = Relation,
            Keys = Keys,
            Predicate = Predicate,
            Keep = Keep,
            OnConflict = OnConflict,
            NullsDistinct = NullsDistinct,
            Origin = Origin,
            Definition = Definition,
            RegisteredBy = RegisteredBy,
            RegisteredAt = RegisteredAt,
        };
    }
}
