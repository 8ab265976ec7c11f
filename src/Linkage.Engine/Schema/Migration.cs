using System.Reflection;
using System.Text.RegularExpressions;

namespace Linkage.Engine.Schema;

/// <summary>What a migration script is, told by the letter that its file name begins with.</summary>
public enum MigrationKind
{
    /// <summary>
    /// <c>V0001__name.sql</c>: runs once, in order, in the install's transaction (tables, columns). An uninstall may leave the tables
    /// and forget the script, so what it does must bear doing again.
    /// </summary>
    Versioned,

    /// <summary><c>R__name.sql</c>: repeatable, runs again when it changed, in the install's transaction (functions).</summary>
    Repeatable,

    /// <summary><c>T__name.sql</c>: publishes a trigger on a live table, in a short transaction of its own that is retried.</summary>
    Trigger,

    /// <summary><c>I__name.sql</c>: one <c>CREATE INDEX CONCURRENTLY</c> on an application table, outside any transaction.</summary>
    Index,

    /// <summary>No script: an index whose stored values are of a definition that this install replaces, to be built again.</summary>
    Rebuild,

    /// <summary>No script: a CHECK constraint that calls a function that this install replaces, to be validated again.</summary>
    Validation,
}

/// <summary>
/// One embedded script of <c>Schema/Migrations/COMPONENT/</c>. Beside its scripts a component may have <c>tokens.sql</c>, which reads
/// what they need to know of the application's tables (a null value says that the component does not fit the database, a
/// RequiresUnlessNamed that it is to be installed only where it is named), and <c>P__*.sql</c>, which read what stands in the way of an install.
/// </summary>
/// <param name="Component">The folder: what the script belongs to.</param>
/// <param name="Kind">How it is run.</param>
/// <param name="Name">The file's name without the ending.</param>
/// <param name="Template">The SQL, with tokens that are filled in for the database at hand.</param>
public sealed partial record Migration(string Component, MigrationKind Kind, string Name, string Template)
{
    /// <summary>What every component brings along, in this order.</summary>
    public static IReadOnlyList<string> Foundation { get; } = ["Runs", "Phones"];

    /// <summary>All scripts, in the order in which they are run.</summary>
    public static IReadOnlyList<Migration> All { get; } = Load();

    /// <summary>The components that can be picked.</summary>
    public static IReadOnlyList<string> Components { get; } =
        [.. All.Select(m => m.Component).Distinct().Except(Foundation)];

    /// <summary>The queries by which a component finds what stands in its way.</summary>
    internal static IReadOnlyList<string> Preflights(string component) =>
        [.. Resources().Where(r => r.StartsWith($"Schema/Migrations/{component}/P__", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>The query for a component's tokens; null where it needs none.</summary>
    internal static string? Tokens(string component) =>
        Resources().Where(r => r == $"Schema/Migrations/{component}/tokens.sql").Select(Read).SingleOrDefault();

    [GeneratedRegex(@"^Schema/Migrations/(?<component>\w+)/(?<name>(?<kind>[VRTI])\d*__\w+)\.sql$")]
    private static partial Regex ResourceName();

    private static Migration[] Load() =>
    [
        .. from resource in Resources()
           let match = ResourceName().Match(resource)
           where match.Success
           let migration = new Migration(
               match.Groups["component"].Value, KindOf(match.Groups["kind"].Value), match.Groups["name"].Value, Read(resource))
           let foundation = Foundation.ToList().IndexOf(migration.Component)
           orderby foundation < 0 ? int.MaxValue : foundation, migration.Component, migration.Kind, migration.Name
           select migration,
    ];

    private static string[] Resources() => Assembly.GetExecutingAssembly().GetManifestResourceNames();

    private static string Read(string resource) => Database.EmbeddedSql.Read(resource);

    private static MigrationKind KindOf(string letter) => letter switch
    {
        "V" => MigrationKind.Versioned,
        "R" => MigrationKind.Repeatable,
        "T" => MigrationKind.Trigger,
        _ => MigrationKind.Index,
    };
}
