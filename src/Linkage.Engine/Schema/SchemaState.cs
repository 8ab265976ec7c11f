using System.Text.RegularExpressions;
using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>What stands in the database already: scripts that were run, objects, and what of them is not Linkage's.</summary>
internal sealed partial class SchemaState
{
    private readonly IReadOnlyDictionary<(string Component, string Name), string> _checksums;
    private readonly IReadOnlyDictionary<string, CatalogFunction> _functions;
    private readonly IReadOnlySet<string> _triggers;
    private readonly IReadOnlySet<string> _indexes;
    private readonly bool _hasDrifted;

    private SchemaState(
        IReadOnlyDictionary<(string, string), string> checksums,
        IReadOnlyDictionary<string, CatalogFunction> functions,
        IReadOnlySet<string> triggers,
        IReadOnlySet<string> indexes,
        bool hasDrifted,
        IReadOnlyList<string> replaces)
    {
        _checksums = checksums;
        _functions = functions;
        _triggers = triggers;
        _indexes = indexes;
        _hasDrifted = hasDrifted;
        Replaces = replaces;
    }

    /// <summary>Functions and triggers of the application that an install replaces.</summary>
    public IReadOnlyList<string> Replaces { get; }

    public static async Task<SchemaState> ReadAsync(DatabaseSession session, string applicationSchema)
    {
        var isInstalled = await session.QuerySingleAsync<bool>("SELECT to_regclass('linkage.migration') IS NOT NULL");
        var checksums = isInstalled
            ? await session.QueryAsync<AppliedScript>(
                """SELECT component AS "Component", name AS "Name", checksum AS "Checksum" FROM linkage.migration""")
            : [];
        var hasDrifted = isInstalled && await session.QuerySingleAsync<bool>(
            """
            SELECT EXISTS (
              SELECT FROM linkage.installed_object i
              LEFT JOIN linkage.own_objects() o ON o.object = i.object AND o.fingerprint = i.fingerprint
              WHERE o.object IS NULL)
            """);
        var functions = await session.QueryAsync<CatalogFunction>(
            EmbeddedSql.Read("Schema/find_functions.sql"), new { applicationSchema });
        var triggers = await session.QueryAsync<CatalogTrigger>(
            EmbeddedSql.Read("Schema/find_triggers.sql"), new { applicationSchema });
        var indexes = await session.QueryAsync<string>(
            EmbeddedSql.Read("Schema/find_indexes.sql"), new { applicationSchema });

        return new SchemaState(
            checksums.ToDictionary(s => (s.Component, s.Name), s => s.Checksum),
            functions.ToDictionary(f => f.Signature),
            triggers.Where(t => t.IsOwn).Select(t => t.Name).ToHashSet(),
            indexes.ToHashSet(),
            hasDrifted,
            [
                .. functions.Where(f => !f.IsOwn && !f.IsUsedAsItIs).Select(f => $"function {f.Signature}"),
                .. triggers.Where(t => !t.IsOwn).Select(t => $"trigger {t.Name} on {t.Table}"),
            ]);
    }

    /// <summary>Whether a step needs doing.</summary>
    public SchemaStep Judge(SchemaStep step) => step with
    {
        IsNeeded = step.Kind switch
        {
            MigrationKind.Versioned => !_checksums.ContainsKey((step.Component, step.Name)),
            MigrationKind.Repeatable => _hasDrifted || IsOutdated(step),
            MigrationKind.Trigger => _hasDrifted || IsOutdated(step) || !_triggers.Contains(TriggerName().Match(step.Sql).Groups[1].Value),
            _ => !_indexes.Contains(ConcurrentIndex.Parse(step.Sql).Name),
        },
    };

    /// <summary>
    /// CREATE OR REPLACE FUNCTION can't rename arguments, and callers may use them by name: where normalize_phone stands already, its
    /// arguments keep their names.
    /// </summary>
    public string KeepArgumentNames(Migration migration, SchemaTokens tokens)
    {
        if (migration.Component != "Phones")
            return migration.Template;
        return NormalizePhoneHeader().Replace(migration.Template, header =>
        {
            var arguments = header.Groups[1].Value;
            var types = string.Join(",", arguments.Split(',').Select(a => a.Trim().Split(' ')[^1]));
            return _functions.TryGetValue($"{tokens.ApplicationSchema}.normalize_phone({types})", out var existing) && existing.Arguments.Length > 0
                ? header.Value.Replace(arguments, existing.Arguments, StringComparison.Ordinal)
                : header.Value;
        });
    }

    private bool IsOutdated(SchemaStep step) =>
        !_checksums.TryGetValue((step.Component, step.Name), out var checksum) || checksum != step.Checksum;

    [GeneratedRegex(@"publish_trigger\(\s*'(\w+)'")]
    private static partial Regex TriggerName();

    [GeneratedRegex(@"FUNCTION \{\{app\}\}\.normalize_phone\(([^)]*)\)")]
    private static partial Regex NormalizePhoneHeader();

    private sealed record AppliedScript(string Component, string Name, string Checksum);

    private sealed record CatalogFunction(string Signature, string Arguments, bool IsOwn, bool IsUsedAsItIs);

    private sealed record CatalogTrigger(string Name, string Table, bool IsOwn);
}
