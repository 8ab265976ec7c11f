using Linkage.Engine.Checks;
using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>Checks what is installed: whether it is there, of this version, as it was installed, and at work.</summary>
/// <param name="database">Where.</param>
public sealed class SchemaInspector(LinkageDatabase database)
{
    /// <summary>Makes the checks. Where nothing is installed there is one only, which says so.</summary>
    public Task<IReadOnlyList<CheckResult>> CheckAsync(CancellationToken cancellation) =>
        database.TransactAsync(TransactionOptions.ReadOnly, CheckAsync, cancellation);

    private static async Task<IReadOnlyList<CheckResult>> CheckAsync(DatabaseSession session)
    {
        var state = await SchemaState.ReadAsync(session, wantedSchema: null);
        if (!state.IsInstalled)
        {
            return
            [
                new("SchemaInstalled", CheckStatus.Critical, 0, 1, "Linkage is not installed in this database. Run Install-LinkageSchema.", None),
            ];
        }

        var plan = await SchemaPlanner.DescribeAsync(session, state);
        return
        [
            Installed(state),
            Version(state, plan),
            Missing(state, plan),
            Changed(state),
            Disabled(state),
            Indexes(state, plan),
            Constraints(state),
            await TargetsAsync(session),
        ];
    }

    private static CheckResult Installed(SchemaState state)
    {
        var components = string.Join(", ", state.Components.Except(Migration.Foundation).Order(StringComparer.Ordinal));
        return new(
            "SchemaInstalled", CheckStatus.Healthy, 1, 1, $"Installed for schema {state.ApplicationSchema}: {components}.",
            new Dictionary<string, object?> { ["ApplicationSchema"] = state.ApplicationSchema, ["Components"] = components });
    }

    private static CheckResult Version(SchemaState state, SchemaPlan plan)
    {
        if (state.NewestVersion is { } newest && newest > System.Version.Parse(SchemaInstaller.ModuleVersion))
        {
            return new(
                "SchemaVersion", CheckStatus.Warning, 1, 0,
                $"Linkage {newest} installed this database; this is {SchemaInstaller.ModuleVersion}. Update the module.", None);
        }

        var outdated = plan.Steps
            .Where(s => s.Kind is MigrationKind.Versioned or MigrationKind.Repeatable or MigrationKind.Trigger)
            .Where(s => !state.Applied.TryGetValue((s.Component, s.Name), out var applied)
                        || (s.Kind != MigrationKind.Versioned && applied.Checksum != s.Checksum))
            .Select(s => $"{s.Component}/{s.Name}")
            .ToList();
        return Count(
            "SchemaVersion", CheckStatus.Warning, outdated, "Scripts",
            $"Everything is of version {SchemaInstaller.ModuleVersion}.",
            $"{outdated.Count} scripts are of another version or were never run. Run Install-LinkageSchema.");
    }

    private static CheckResult Missing(SchemaState state, SchemaPlan plan)
    {
        var missing = state.CanListObjects
            ? state.Objects.Where(o => o.IsMissing).Select(o => o.Object).ToList()
            : ["function linkage.own_objects()"];
        missing.AddRange(plan.Omitted.Values);
        return Count(
            "SchemaObjects", CheckStatus.Critical, missing, "Missing",
            $"All {state.Objects.Count} functions and triggers are there.",
            $"Missing: {List(missing)}. Run Install-LinkageSchema.");
    }

    private static CheckResult Changed(SchemaState state)
    {
        if (!state.CanListObjects)
            return CheckResult.Unknown("SchemaDefinitions", "The function that compares definitions is missing. Run Install-LinkageSchema.");
        var changed = state.Objects.Where(o => o.IsChanged).Select(o => o.Object).ToList();
        return Count(
            "SchemaDefinitions", CheckStatus.Warning, changed, "Changed",
            "Functions and triggers are as they were installed.",
            $"Changed by hand since the install: {List(changed)}. Install-LinkageSchema brings Linkage's own back.");
    }

    private static CheckResult Disabled(SchemaState state)
    {
        if (!state.CanListObjects)
            return CheckResult.Unknown("SchemaTriggers", "The function that lists triggers is missing. Run Install-LinkageSchema.");
        var triggers = state.Objects.Where(o => o.Kind == "trigger").ToList();
        var disabled = triggers.Where(o => !o.IsEnabled).Select(o => o.Object).ToList();
        return Count(
            "SchemaTriggers", CheckStatus.Critical, disabled, "Disabled",
            "Every trigger that is not optional is enabled.",
            $"Disabled: {List(disabled)}. Enable-LinkageTrigger enables them.");
    }

    private static CheckResult Indexes(SchemaState state, SchemaPlan plan)
    {
        List<string> broken =
        [
            .. plan.Steps.Where(s => s is { Kind: MigrationKind.Index, IsNeeded: true })
                .Select(s => (Step: s, IndexDefinition.Parse(s.Sql).QualifiedName))
                .Select(i => $"{i.QualifiedName} ({(i.Step.Notes.Count > 0 ? "invalid" : "missing")})"),
            .. plan.Steps.Where(s => s is { Kind: MigrationKind.Index, IsNeeded: false, Notes.Count: > 0 })
                .Select(s => $"{IndexDefinition.Parse(s.Sql).QualifiedName} (another definition)"),
            .. state.StaleIndexes.Select(i => $"{i} (values of a replaced function)"),
        ];
        return Count(
            "SchemaIndexes", CheckStatus.Warning, broken, "Indexes",
            "All indexes are there and valid.",
            $"{List(broken)}. Install-LinkageSchema builds what is missing or invalid; an index with another definition must be dropped first.");
    }

    private static CheckResult Constraints(SchemaState state)
    {
        var stale = state.StaleConstraints.Select(c => $"{c.Name} on {c.Table}").ToList();
        return Count(
            "SchemaConstraints", CheckStatus.Warning, stale, "Constraints",
            "No check constraint waits for its validation.",
            $"Not validated since a function that they call was replaced: {List(stale)}. Install-LinkageSchema validates them, and names rows that break them.");
    }

    private static async Task<CheckResult> TargetsAsync(DatabaseSession session)
    {
        var hasTargets = await session.QuerySingleAsync<bool>(
            "SELECT to_regclass('linkage.link_target') IS NOT NULL AND to_regproc('linkage.target_problem') IS NOT NULL");
        var broken = hasTargets ? (await session.QueryAsync<string>(EmbeddedSql.Read("UserLinks/find_broken_targets.sql"))).ToList() : [];
        return Count(
            "SchemaTargets", CheckStatus.Critical, broken, "Targets",
            "The tables and columns of all link targets are there.",
            $"{string.Join(' ', broken)} Register-LinkTarget -Force registers what was renamed, Unregister-LinkTarget forgets what is gone.");
    }

    private static CheckResult Count(
        string check, CheckStatus gravity, List<string> found, string detail, string healthy, string unhealthy) =>
        new(
            check, found.Count == 0 ? CheckStatus.Healthy : gravity, found.Count, 0, found.Count == 0 ? healthy : unhealthy,
            new Dictionary<string, object?> { [detail] = found.ToArray() });

    // A message is for a line on a screen; the whole list is in the details.
    private static string List(List<string> items) =>
        string.Join(", ", items.Take(5)) + (items.Count > 5 ? $" and {items.Count - 5} more" : string.Empty);

    private static readonly Dictionary<string, object?> None = [];
}
