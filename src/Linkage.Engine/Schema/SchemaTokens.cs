using System.Text;
using Linkage.Engine.Database;
using Linkage.Engine.Phones;

namespace Linkage.Engine.Schema;

/// <summary>What the scripts need to know of the database: <c>{{app}}</c>, and what each component's <c>tokens.sql</c> reads.</summary>
internal sealed class SchemaTokens
{
    private readonly Dictionary<string, string> _common;
    private readonly Dictionary<string, IReadOnlyDictionary<string, string>> _ofComponent = [];
    private readonly Dictionary<string, string> _missing = [];
    private readonly Dictionary<string, string> _missingUnlessNamed = [];

    private SchemaTokens(string applicationSchema, string installer) =>
        _common = new()
        {
            ["app"] = applicationSchema,
            ["installer"] = installer.Replace("'", "''", StringComparison.Ordinal),
            ["function_dependents"] = EmbeddedSql.Read("Schema/find_dependents.sql").Replace("{{app}}", applicationSchema, StringComparison.Ordinal),
        };

    /// <summary>The application's schema, quoted as SQL wants it.</summary>
    public string ApplicationSchema => _common["app"];

    /// <summary>Reads the tokens of components.</summary>
    public static async Task<SchemaTokens> ReadAsync(
        DatabaseSession session, string applicationSchema, string installer, IEnumerable<string> components)
    {
        var tokens = new SchemaTokens(applicationSchema, installer);
        foreach (var component in components)
        {
            if (Migration.Tokens(component) is not { } query)
                continue;
            var rows = await session.QueryAsync<Token>(tokens.Render(component, query));
            if (rows.Select(r => r.RequiresUnlessNamed).FirstOrDefault(r => r is not null) is { } usual)
                tokens._missingUnlessNamed[component] = usual;
            var missing = rows.Where(r => r.Value is null).Select(r => r.Requires!).Distinct().ToList();
            if (missing.Count > 0)
                tokens._missing[component] = string.Join(", ", missing);
            else
                tokens._ofComponent[component] = rows.ToDictionary(r => r.Name, r => r.Value!);
        }

        return tokens;
    }

    /// <summary>What of the application's tables a component lacks here; null where it fits.</summary>
    public string? Missing(string component) => _missing.GetValueOrDefault(component);

    /// <summary>What it lacks here to be brought along where nobody named it; null where it has that.</summary>
    public string? MissingUnlessNamed(string component) => _missingUnlessNamed.GetValueOrDefault(component);

    /// <summary>A script of a component with every token filled in.</summary>
    public string Render(string component, string template)
    {
        var text = new StringBuilder(PhoneSql.Render(template));
        foreach (var (name, value) in _ofComponent.GetValueOrDefault(component) ?? new Dictionary<string, string>())
            text.Replace($"{{{{{name}}}}}", value);
        foreach (var (name, value) in _common)
            text.Replace($"{{{{{name}}}}}", value);
        return text.ToString();
    }

    private sealed record Token
    {
        public string Name { get; init; } = "";

        public string? Value { get; init; }

        public string? Requires { get; init; }

        public string? RequiresUnlessNamed { get; init; }
    }
}
