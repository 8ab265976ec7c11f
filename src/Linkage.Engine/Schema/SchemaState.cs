using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>What is installed already: for which schema, which scripts were run, and whether objects were changed since.</summary>
internal sealed class SchemaState
{
    private SchemaState()
    {
    }

    /// <summary>The application's schema, unquoted: the one that was installed for, else the wanted one.</summary>
    public required string ApplicationSchema { get; init; }

    /// <summary>The same as SQL wants it.</summary>
    public required string QuotedSchema { get; init; }

    /// <summary>The role that is connected.</summary>
    public required string CurrentUser { get; init; }

    /// <summary>Whether it may act as the role that installs.</summary>
    public required bool MayInstall { get; init; }

    /// <summary>The role that installs: the owner of schema linkage, so that all its objects have one owner.</summary>
    public required string Installer { get; init; }

    /// <summary>Whether an install was done here.</summary>
    public required bool IsInstalled { get; init; }

    /// <summary>Whether <c>linkage.own_objects()</c> is there to be asked.</summary>
    public required bool CanListObjects { get; init; }

    /// <summary>The scripts that were run.</summary>
    public required IReadOnlyDictionary<(string Component, string Name), AppliedScript> Applied { get; init; }

    /// <summary>What was installed and is gone or another now, and what is there and was not installed.</summary>
    public required IReadOnlyList<ObjectState> Objects { get; init; }

    /// <summary>Indexes that an install built, with their definitions.</summary>
    public required IReadOnlyList<InstalledIndex> Indexes { get; init; }

    /// <summary>Indexes whose stored values are of a replaced definition.</summary>
    public required IReadOnlyList<string> StaleIndexes { get; init; }

    /// <summary>CHECK constraints that were not validated since a function that they call was replaced.</summary>
    public required IReadOnlyList<StaleConstraint> StaleConstraints { get; init; }

    /// <summary>The components of which something is installed.</summary>
    public IEnumerable<string> Components => Applied.Keys.Select(k => k.Component).Distinct();

    /// <summary>Whether functions or triggers are not as they were installed.</summary>
    public bool HasDrifted => IsInstalled && (!CanListObjects || Objects.Any(o => o.IsMissing || o.IsChanged));

    /// <summary>The newest version that installed anything here; null where nothing is installed.</summary>
    public Version? NewestVersion => Applied.Values.Select(a => Version.Parse(a.ModuleVersion)).Max();

    /// <summary>Reads it. The session gets a search_path under which every name is shown with its schema.</summary>
    /// <param name="session">Where.</param>
    /// <param name="wantedSchema">The application's schema; null for the installed one, else public.</param>
    /// <exception cref="SchemaException">Linkage is installed for another schema, or the wanted one does not exist.</exception>
    public static async Task<SchemaState> ReadAsync(DatabaseSession session, string? wantedSchema)
    {
        await session.ExecuteAsync("SET LOCAL search_path = pg_catalog, pg_temp");
        var isInstalled = await session.QuerySingleAsync<bool>("SELECT to_regclass('linkage.installation') IS NOT NULL");
        var installedSchema = isInstalled
            ? await session.QuerySingleOrDefaultAsync<string>("SELECT application_schema FROM linkage.installation")
            : null;
        if (installedSchema is not null && wantedSchema is not null && wantedSchema != installedSchema)
        {
            throw new SchemaException(
                $"Linkage is installed for the application's schema {installedSchema} here, not for {wantedSchema}. "
                + "A database is installed for one schema; uninstall it first to change that.");
        }

        var schema = installedSchema ?? wantedSchema ?? "public";
        var facts = await session.QuerySingleAsync<Facts>(
            EmbeddedSql.Read("Schema/find_installation.sql"), new { applicationSchema = schema });
        if (!facts.HasApplicationSchema)
            throw new SchemaException($"This database has no schema {schema}. Name the schema of the application's tables with -Schema.");
        if (schema.IndexOfAny(['\'', '"', '\\', '$', '{', '%']) >= 0)
            throw new SchemaException($"Linkage can't work in a schema whose name holds a quote, a backslash, a dollar sign, a percent sign or a brace, as {schema} does.");
        return new SchemaState
        {
            ApplicationSchema = schema,
            QuotedSchema = facts.QuotedSchema,
            CurrentUser = facts.CurrentUser,
            Installer = facts.Owner ?? facts.CurrentUser,
            MayInstall = facts.IsMember,
            IsInstalled = facts.IsInstalled,
            CanListObjects = facts.CanListObjects,
            Applied = facts.IsInstalled
                ? (await session.QueryAsync<AppliedScript>(
                    """SELECT component AS "Component", name AS "Name", checksum AS "Checksum", module_version AS "ModuleVersion" FROM linkage.migration"""))
                    .ToDictionary(s => (s.Component, s.Name))
                : new Dictionary<(string, string), AppliedScript>(),
            Objects = facts is { IsInstalled: true, CanListObjects: true }
                ? await session.QueryAsync<ObjectState>(EmbeddedSql.Read("Schema/compare_objects.sql"))
                : [],
            Indexes = facts.IsInstalled ? await session.QueryAsync<InstalledIndex>(EmbeddedSql.Read("Schema/find_installed_indexes.sql")) : [],
            StaleIndexes = facts.IsInstalled ? await session.QueryAsync<string>("SELECT index_name FROM linkage.stale_index ORDER BY 1") : [],
            StaleConstraints = facts.IsInstalled ? await StaleConstraint.ReadAsync(session) : [],
        };
    }

    /// <summary>Refuses a role that may not change what is installed.</summary>
    /// <exception cref="SchemaException">It is no member of the role that owns schema linkage.</exception>
    public void RequireInstaller()
    {
        if (!MayInstall)
        {
            throw new SchemaException(
                $"Schema linkage belongs to role {Installer}, and {CurrentUser} is no member of it. "
                + $"Connect as {Installer}, or as a member of it: GRANT \"{Installer}\" TO \"{CurrentUser}\".");
        }
    }

    private sealed record Facts(
        string CurrentUser, string? Owner, bool IsMember, bool IsInstalled, bool CanListObjects, bool HasApplicationSchema,
        string QuotedSchema);
}

/// <summary>A script that was run.</summary>
internal sealed record AppliedScript(string Component, string Name, string Checksum, string ModuleVersion);

/// <summary>A function or trigger, and what became of it since the install.</summary>
internal sealed record ObjectState(string Object, string Kind, bool IsMissing, bool IsChanged, bool IsEnabled);

/// <summary>An index that an install built. Its definition is null where it is gone.</summary>
internal sealed record InstalledIndex(string Name, bool IsValid, string? Definition, string Recorded);
