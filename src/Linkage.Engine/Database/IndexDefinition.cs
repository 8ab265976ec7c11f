using System.Text.RegularExpressions;

namespace Linkage.Engine.Database;

/// <summary>An index as a script or a rule defines it.</summary>
/// <param name="Name">Its name, as SQL has it.</param>
/// <param name="Table">Its table, with the schema, as SQL has it.</param>
/// <param name="Rest">What follows: columns, predicate.</param>
/// <param name="IsUnique">Whether it is a unique one.</param>
internal sealed partial record IndexDefinition(string Name, string Table, string Rest, bool IsUnique = false)
{
    /// <summary>The schema of its table, which is its own, as SQL has it.</summary>
    public string Schema => SchemaPart().Match(Table).Groups[1].Value;

    /// <summary>Its name with the schema.</summary>
    public string QualifiedName => $"{Schema}.{Name}";

    /// <summary>What follows CREATE.</summary>
    public string Kind => IsUnique ? "UNIQUE INDEX" : "INDEX";

    /// <summary>Reads one <c>CREATE INDEX CONCURRENTLY name ON schema.table ...</c>, comments before it included.</summary>
    public static IndexDefinition Parse(string sql)
    {
        var match = Statement().Match(sql);
        return match.Success
            ? new(match.Groups["name"].Value, match.Groups["table"].Value, match.Groups["rest"].Value)
            : throw new ArgumentException("An index script is one CREATE INDEX CONCURRENTLY name ON schema.table ...", nameof(sql));
    }

    /// <summary>
    /// Whether the server's own text of an index (<c>pg_get_indexdef</c>) means this one: compared without case, white space, parentheses,
    /// schemas and the default method, which the server writes its own way.
    /// </summary>
    public bool Matches(string definition) =>
        Plain(definition[(definition.IndexOf(" ON ", StringComparison.Ordinal) + 4)..]) == Plain($"{Table} {Rest}");

    private static string Plain(string text) => Noise().Replace(text, string.Empty).ToUpperInvariant();

    [GeneratedRegex(@"^ONLY |USING btree|::text|\s|[()]|(?:""(?:[^""]|"""")+""|\w+)\.", RegexOptions.IgnoreCase)]
    private static partial Regex Noise();

    [GeneratedRegex(@"^(?:\s*--[^\n]*\n)*\s*CREATE INDEX CONCURRENTLY (?<name>\w+) ON (?<table>(?:""(?:[^""]|"""")+""|\w+)\.\w+) (?<rest>.+?)\s*$", RegexOptions.Singleline)]
    private static partial Regex Statement();

    [GeneratedRegex(@"^(""(?:[^""]|"""")+""|[^"".]+)\.")]
    private static partial Regex SchemaPart();
}
