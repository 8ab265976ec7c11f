using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>Finds out what an install would do to a database, and whether anything stands in its way. Writes nothing.</summary>
internal sealed class SchemaPlanner
{
    private readonly DatabaseSession _session;
    private readonly SchemaState _state;
    private readonly SchemaTokens _tokens;

    private SchemaPlanner(DatabaseSession session, SchemaState state, SchemaTokens tokens)
    {
        _session = session;
        _state = state;
        _tokens = tokens;
    }

    /// <summary>Plans the install of components (none for all that fit) and of what is installed already.</summary>
    /// <exception cref="SchemaException">A component does not exist or does not fit, or something can't be adopted.</exception>
    public static async Task<SchemaPlan> PlanAsync(DatabaseSession session, SchemaState state, IReadOnlyCollection<string> components)
    {
        var unknown = components.FirstOrDefault(c => !Migration.Components.Contains(c, StringComparer.OrdinalIgnoreCase));
        if (unknown is not null)
        {
            throw new SchemaException(
                $"There is no component {unknown} in this version. The components are: {string.Join(", ", Migration.Components)}.");
        }

        var planner = await CreateAsync(session, state);
        var (wanted, omitted) = planner.Choose(components);
        var refused = omitted.Keys.FirstOrDefault(c => components.Contains(c, StringComparer.OrdinalIgnoreCase));
        if (refused is not null)
            throw new SchemaException(omitted[refused] + " Name the application's schema with -Schema, or add what is missing.");

        var steps = await planner.DescribeAsync(wanted);
        if (steps.Any(s => s.IsNeeded && s.Kind != MigrationKind.Index))
            await planner.RefuseConflictsAsync(wanted);
        return new SchemaPlan(state.ApplicationSchema, await planner.AddDependentsAsync(steps), omitted);
    }

    /// <summary>What of this version stands in a database, component by component that is installed there; whatever stands in its way.</summary>
    public static async Task<SchemaPlan> DescribeAsync(DatabaseSession session, SchemaState state)
    {
        var planner = await CreateAsync(session, state);
        var (wanted, omitted) = planner.Choose([Migration.Foundation[0]]);
        return new SchemaPlan(state.ApplicationSchema, await planner.DescribeAsync(wanted), omitted);
    }

    private static async Task<SchemaPlanner> CreateAsync(DatabaseSession session, SchemaState state) =>
        new(session, state, await SchemaTokens.ReadAsync(
            session, state.QuotedSchema, state.Installer, Migration.Foundation.Concat(Migration.Components)));

    /// <summary>The scripts of what is asked for and of what is installed, less the components that do not fit, with the reason.</summary>
    private (List<Migration> Wanted, Dictionary<string, string> Omitted) Choose(IReadOnlyCollection<string> components)
    {
        // All functions have one version: what is installed is upgraded along.
        bool IsWanted(string component) =>
            components.Count == 0
            || Migration.Foundation.Contains(component)
            || components.Contains(component, StringComparer.OrdinalIgnoreCase)
            || _state.Components.Contains(component);

        string? Missing(string component) =>
            _tokens.Missing(component)
            ?? (components.Count == 0 && !_state.Components.Contains(component) ? _tokens.MissingUnlessNamed(component) : null);

        var omitted = Migration.Components
            .Where(c => IsWanted(c) && Missing(c) is not null)
            .ToDictionary(c => c, c => $"Schema {_state.ApplicationSchema} lacks what {c} works on: {Missing(c)}.");
        return ([.. Migration.All.Where(m => IsWanted(m.Component) && !omitted.ContainsKey(m.Component))], omitted);
    }

    private async Task<List<SchemaStep>> DescribeAsync(IReadOnlyList<Migration> wanted)
    {
        var functions = wanted.ToDictionary(m => m, m => FunctionsOf(m).ToList());
        var existing = (await FindExistingAsync([.. functions.Values.SelectMany(f => f)], TriggersOf(wanted))).ToLookup(e => e.Signature);

        List<SchemaStep> steps = [];
        foreach (var migration in wanted)
        {
            var template = PublishedFunction.KeepArguments(
                migration.Template,
                f => existing[(f with { Arguments = Render(migration, f.Arguments) }).Signature(_tokens.ApplicationSchema)].FirstOrDefault()?.Arguments);
            var step = new SchemaStep(migration.Component, migration.Kind, migration.Name, Render(migration, template))
            {
                DirectFunctions = [.. functions[migration].Where(f => f.IsDirect).Select(f => f.Signature(_tokens.ApplicationSchema))],
            };
            var places = functions[migration].Select(f => f.Signature(_tokens.ApplicationSchema))
                .Concat(PublishedTrigger.Find(step.Sql).Select(t => $"{t.Name} on {t.Table}"));
            var replaced = places.SelectMany(p => existing[p]).Where(e => !e.IsOwn).ToList();
            var revoked = functions[migration].Where(f => f.IsRevoked).Select(f => f.Signature(_tokens.ApplicationSchema)).ToHashSet();
            var judged = await JudgeAsync(step);
            steps.Add(judged with
            {
                Replaces = [.. replaced.Select(e => e.Object).Distinct()],
                Notes =
                [
                    .. judged.Notes,
                    .. replaced.Where(e => e.IsPublic && revoked.Contains(e.Signature)).Select(e => $"EXECUTE on {e.Object} is revoked from PUBLIC"),
                    .. replaced.Where(e => functions[migration].Exists(f => f.IsDirect && f.IsRevoked && f.Signature(_tokens.ApplicationSchema) == e.Signature)
                                           && e.Owner != _state.Installer)
                        .Select(e => $"{e.Object} passes from role {e.Owner} to {_state.Installer}"),
                ],
            });
        }

        // An upgrade makes all functions anew, so one that changed brings the others along, and the triggers that they make.
        return steps.Any(s => s is { IsTransactional: true, IsNeeded: true })
            ? [.. steps.Select(s => s.Kind is MigrationKind.Repeatable or MigrationKind.Trigger ? s with { IsNeeded = true } : s)]
            : steps;
    }

    private async Task<SchemaStep> JudgeAsync(SchemaStep step)
    {
        var applied = _state.Applied.GetValueOrDefault((step.Component, step.Name));
        if (step.Kind != MigrationKind.Index)
        {
            return step with
            {
                IsNeeded = applied is null
                    || (step.Kind != MigrationKind.Versioned && (_state.HasDrifted || applied.Checksum != step.Checksum)),
            };
        }

        var definition = IndexDefinition.Parse(step.Sql);
        var existing = await _session.QuerySingleOrDefaultAsync<ExistingIndex>(
            """
            SELECT i.indisvalid AS "IsValid", pg_get_indexdef(i.indexrelid) AS "Definition"
            FROM pg_index i
            WHERE i.indexrelid = to_regclass(@name)
            """,
            new { name = definition.QualifiedName });
        return step with
        {
            IsNeeded = existing is not { IsValid: true },
            Notes = existing switch
            {
                { IsValid: false } => [$"{definition.QualifiedName} is invalid, left by a build that failed: it is dropped and built again"],
                { IsValid: true } when !definition.Matches(existing.Definition) =>
                    [$"{definition.QualifiedName} stands already and stays, though it is another: {existing.Definition}"],
                _ => [],
            },
        };
    }

    /// <summary>
    /// Adds what the replacement of a function brings along: indexes that store its values are built again, and CHECK constraints
    /// that call it are validated again, those that are stale already too; columns that hold its values are named.
    /// </summary>
    private async Task<List<SchemaStep>> AddDependentsAsync(IReadOnlyList<SchemaStep> steps)
    {
        List<SchemaStep> all = [];
        var rebuilds = _state.StaleIndexes.Select(i => new SchemaStep("Phones", MigrationKind.Rebuild, i, string.Empty)).ToList();
        var validations = _state.StaleConstraints.Select(c => c.Step("Phones")).ToList();
        foreach (var step in steps)
        {
            var dependents = ReplacesFunctions(step) ? await DependentsAsync(step) : [];
            rebuilds.AddRange(dependents
                .Where(d => d.Kind == "index")
                .Select(d => new SchemaStep(step.Component, MigrationKind.Rebuild, d.Name, string.Empty)));
            validations.AddRange(dependents
                .Where(d => d.Kind == "constraint")
                .Select(d => new StaleConstraint(d.Table!, d.Part!).Step(step.Component)));
            all.Add(step with
            {
                Notes =
                [
                    .. step.Notes,
                    // An update that sets no column of the expression does not compute it.
                    .. dependents.Where(d => d.Kind == "column").Select(d =>
                        $"column {d.Name} holds what the former function said until its rows are written again"
                        + (d.Part is { } source ? $": UPDATE {d.Table} SET {StaleConstraint.Quote(source)} = {StaleConstraint.Quote(source)}, in batches" : string.Empty)),
                ],
            });
        }

        return
        [
            .. all,
            .. rebuilds.DistinctBy(r => r.Name).OrderBy(r => r.Name, StringComparer.Ordinal),
            .. validations.DistinctBy(v => v.Name).OrderBy(v => v.Name, StringComparer.Ordinal),
        ];
    }

    private bool ReplacesFunctions(SchemaStep step) =>
        step.IsNeeded
        && step.DirectFunctions.Count > 0
        && (step.Replaces.Count > 0
            || (_state.Applied.TryGetValue((step.Component, step.Name), out var applied) && applied.Checksum != step.Checksum));

    private async Task<List<Dependent>> DependentsAsync(SchemaStep step)
    {
        var query = _tokens.Render(step.Component, EmbeddedSql.Read("Schema/find_dependents.sql")).Replace("$1", "@name", StringComparison.Ordinal);
        List<Dependent> dependents = [];
        foreach (var name in step.DirectFunctions.Select(NameOf).Distinct())
            dependents.AddRange(await _session.QueryAsync<Dependent>(query, new { name }));
        return [.. dependents.Distinct()];
    }

    private async Task RefuseConflictsAsync(IReadOnlyList<Migration> wanted)
    {
        var functions = wanted.SelectMany(FunctionsOf).ToList();
        var triggers = TriggersOf(wanted);
        var indexTables = wanted.Where(m => m.Kind == MigrationKind.Index)
            .Select(m => IndexDefinition.Parse(Render(m, m.Template)).Table)
            .Distinct()
            .ToArray();
        var tables = triggers.Select(t => t.Table).Union(indexTables).ToArray();
        var conflicts = (await _session.QueryAsync<Conflict>(
            _tokens.Render("Runs", EmbeddedSql.Read("Schema/find_conflicts.sql")),
            new
            {
                names = functions.Select(f => f.Name).ToArray(),
                types = functions.Select(f => f.Types).ToArray(),
                columns = functions.Select(f => f.Columns).ToArray(),
                results = functions.Select(f => f.Result).ToArray(),
                required = functions.Select(f => f.Required).ToArray(),
                tables,
                indexTables,
                installer = _state.Installer,
            })).ToList();
        foreach (var component in wanted.Select(m => m.Component).Distinct())
        {
            foreach (var preflight in Migration.Preflights(component))
                conflicts.AddRange(await _session.QueryAsync<Conflict>(_tokens.Render(component, preflight)));
        }

        if (conflicts.Count > 0)
            throw SchemaException.CannotAdopt(conflicts.Select(c => $"{c.Problem} {c.Remedy}"));
    }

    private Task<IReadOnlyList<ExistingObject>> FindExistingAsync(IReadOnlyList<PublishedFunction> functions, IReadOnlyList<PublishedTrigger> triggers) =>
        _session.QueryAsync<ExistingObject>(
            EmbeddedSql.Read("Schema/find_existing.sql"),
            new
            {
                signatures = functions.Select(f => f.Signature(_tokens.ApplicationSchema)).ToArray(),
                triggers = triggers.Select(t => t.Name).ToArray(),
                triggerTables = triggers.Select(t => t.Table).ToArray(),
                triggerFunctions = triggers.Select(t => t.Function).ToArray(),
            });

    private IEnumerable<PublishedFunction> FunctionsOf(Migration migration) =>
        PublishedFunction.Find(migration.Template, text => Render(migration, text));

    private List<PublishedTrigger> TriggersOf(IEnumerable<Migration> migrations) =>
        [.. migrations.SelectMany(m => PublishedTrigger.Find(Render(m, m.Template)))];

    private string Render(Migration migration, string template) => _tokens.Render(migration.Component, template);

    private static string NameOf(string signature)
    {
        var end = signature.IndexOf('(', StringComparison.Ordinal);
        return signature[(signature.LastIndexOf('.', end) + 1)..end];
    }

    private sealed record ExistingObject(string Signature, string Object, string Arguments, bool IsOwn, bool IsPublic, string Owner);

    private sealed record ExistingIndex(bool IsValid, string Definition);

    private sealed record Dependent(string Kind, string Name, string? Table, string? Part);

    private sealed record Conflict(string Problem, string Remedy);
}
