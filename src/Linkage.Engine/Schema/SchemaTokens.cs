using System.Text;
using Linkage.Engine.Database;
using Linkage.Engine.Phones;

namespace Linkage.Engine.Schema;

/// <summary>What the scripts need to know of the application's tables: <c>{{app}}</c>, <c>{{user_id}}</c> and so on.</summary>
public sealed class SchemaTokens
{
    private readonly IReadOnlyDictionary<string, string> _values;

    private SchemaTokens(IReadOnlyDictionary<string, string> values) => _values = values;

    /// <summary>The application's schema, quoted as SQL wants it.</summary>
    public string ApplicationSchema => _values["app"];

    /// <summary>Reads the types of the application's keys from the catalog.</summary>
    /// <exception cref="SchemaException">The schema, or a table or column that user links need, does not exist.</exception>
    public static async Task<SchemaTokens> ReadAsync(DatabaseSession session, string applicationSchema)
    {
        var columns = await session.QueryAsync<CatalogColumn>(
            """
            SELECT
              c.relname::text AS "Table", a.attname::text AS "Column", format_type(a.atttypid, a.atttypmod) AS "Type",
              array_position(i.indkey::smallint[], a.attnum) AS "KeyPosition"
            FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
            WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = @applicationSchema)
              AND c.relname IN ('users', 'event_guests', 'message_deliveries', 'user_link_audit')
              AND c.relkind IN ('r', 'p')
            """,
            new { applicationSchema });

        string TypeOf(string table, string column) =>
            columns.FirstOrDefault(c => c.Table == table && c.Column == column)?.Type
            ?? throw new SchemaException(
                $"User links need {table}.{column}, which schema \"{applicationSchema}\" of this database does not have. "
                + "Name the application's schema with -Schema, or rename or map the table first.");

        var app = Quote(applicationSchema);
        foreach (var (table, column) in RequiredColumns)
            _ = TypeOf(table, column);
        var key = columns
            .Where(c => c.Table == "message_deliveries" && c.KeyPosition is not null)
            .OrderBy(c => c.KeyPosition)
            .ToList();
        if (key.Count == 0)
            throw new SchemaException("message_deliveries has no primary key, by which its rows could be audited. Add one first.");

        return new SchemaTokens(new Dictionary<string, string>
        {
            ["app"] = app,
            ["user_id"] = TypeOf("users", "id"),
            ["guest_id"] = TypeOf("event_guests", "id"),
            ["event_id"] = TypeOf("event_guests", "event_id"),
            ["audit_id"] = columns.FirstOrDefault(c => c.Table == "user_link_audit" && c.Column == "id")?.Type ?? "bigint",
            ["delivery_key"] = key.Count == 1
                ? $"NEW.{Quote(key[0].Column)}::text"
                : $"jsonb_build_array({string.Join(", ", key.Select(k => $"NEW.{Quote(k.Column)}::text"))})::text",
            ["delivery_key_is_uuid"] = key.Count == 1 && key[0].Type == "uuid" ? "true" : "false",
            ["delivery_is_new"] = string.Join(" AND ", key.Select(k => $"d.{Quote(k.Column)} = NEW.{Quote(k.Column)}")),
        });
    }

    /// <summary>The script with every token filled in.</summary>
    public string Render(string template)
    {
        var text = new StringBuilder(PhoneSql.Render(template));
        foreach (var (name, value) in _values)
            text.Replace($"{{{{{name}}}}}", value);
        return text.ToString();
    }

    internal static string Quote(string identifier) =>
        identifier.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_') && !char.IsAsciiDigit(identifier[0])
            ? identifier
            : $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static readonly (string Table, string Column)[] RequiredColumns =
    [
        ("users", "phone"), ("event_guests", "phone"), ("event_guests", "user_id"), ("event_guests", "removed_at"),
        ("message_deliveries", "phone_number"), ("message_deliveries", "user_id"), ("message_deliveries", "guest_id"),
    ];

    private sealed record CatalogColumn(string Table, string Column, string Type, int? KeyPosition);
}
