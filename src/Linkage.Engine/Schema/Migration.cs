using System.Reflection;
using System.Text.RegularExpressions;

namespace Linkage.Engine.Schema;

/// <summary>What a migration script is, told by the letter that its file name begins with.</summary>
public enum MigrationKind
{
    /// <summary><c>V0001__name.sql</c>: runs once, in order, in the install's transaction (tables, columns).</summary>
    Versioned,

    /// <summary><c>R__name.sql</c>: repeatable, runs again when it changed, in the install's transaction (functions).</summary>
    Repeatable,

    /// <summary><c>T__name.sql</c>: publishes a trigger on a live table, in a short transaction of its own that is retried.</summary>
    Trigger,

    /// <summary><c>I__name.sql</c>: one <c>CREATE INDEX CONCURRENTLY</c> on an application table, outside any transaction.</summary>
    Index,
}

/// <summary>One embedded script of <c>Schema/Migrations/COMPONENT/</c>.</summary>
/// <param name="Component">The folder: what the script belongs to.</param>
/// <param name="Kind">How it is run.</param>
/// <param name="Name">The file's name without the ending.</param>
/// <param name="Template">The SQL, with tokens that <see cref="SchemaTokens"/> fills in.</param>
public sealed partial record Migration(string Component, MigrationKind Kind, string Name, string Template)
{
    /// <summary>What every component brings along, in this order.</summary>
    public static IReadOnlyList<string> Foundation { get; } = ["Runs", "Phones"];

    /// <summary>All scripts, in the order in which they are run.</summary>
    public static IReadOnlyList<Migration> All { get; } = Load();

    /// <summary>The components that can be picked.</summary>
    public static IReadOnlyList<string> Components { get; } =
        [.. All.Select(m => m.Component).Distinct().Except(Foundation)];

    [GeneratedRegex(@"^Schema/Migrations/(?<component>\w+)/(?<name>(?<kind>[VRTI])\d*__\w+)\.sql$")]
    private static partial Regex ResourceName();

    private static Migration[] Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return
        [
            .. from resource in assembly.GetManifestResourceNames()
               let match = ResourceName().Match(resource)
               where match.Success
               let migration = new Migration(
                   match.Groups["component"].Value, KindOf(match.Groups["kind"].Value), match.Groups["name"].Value, Read(assembly, resource))
               let foundation = Foundation.ToList().IndexOf(migration.Component)
               orderby foundation < 0 ? int.MaxValue : foundation, migration.Component, migration.Kind, migration.Name
               select migration,
        ];
    }

    private static MigrationKind KindOf(string letter) => letter switch
    {
        "V" => MigrationKind.Versioned,
        "R" => MigrationKind.Repeatable,
        "T" => MigrationKind.Trigger,
        _ => MigrationKind.Index,
    };

    private static string Read(Assembly assembly, string resource)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
