using System.Globalization;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>A table whose records get a user: what it and its columns are called, what its key is, and how its event is known.</summary>
internal sealed record TargetShape
{
    /// <summary>What tests call it.</summary>
    public required string Label { get; init; }

    /// <summary>Of which type the keys of users, guests and events are.</summary>
    public KeyKind Keys { get; init; }

    public string Schema { get; init; } = "public";

    public string Table { get; init; } = "message_deliveries";

    /// <summary>The columns of its key with their types.</summary>
    public required IReadOnlyList<(string Name, string Type)> Key { get; init; }

    /// <summary>New values of these, as PostgreSQL reads them and the audit writes them.</summary>
    public required Func<Random, string[]> NewIds { get; init; }

    public string Phone { get; init; } = "phone_number";

    public string PhoneType { get; init; } = "text";

    public string User { get; init; } = "user_id";

    public string? Guest { get; init; } = "guest_id";

    public string? Event { get; init; }

    /// <summary>How it is partitioned, and the statements that make its partitions.</summary>
    public (string By, string Parts)? Partitions { get; init; }

    public static IReadOnlyList<TargetShape> All { get; } =
    [
        .. new[] { KeyKind.Uuid, KeyKind.Bigint, KeyKind.Text }.Select(kind => new TargetShape
        {
            Label = $"message_deliveries, {kind.SqlType()}",
            Keys = kind,
            Key = [("id", kind.SqlType())],
            NewIds = random => [kind.NewKey(random)],
        }),
        new()
        {
            Label = "message_deliveries, partitioned",
            Key = [("tenant", "integer"), ("id", "uuid")],
            NewIds = random => [Number(random, 3), KeyKind.Uuid.NewKey(random)],
            Partitions = (
                "LIST (tenant)",
                """
                CREATE TABLE message_deliveries_0 PARTITION OF message_deliveries FOR VALUES IN (0);
                CREATE TABLE message_deliveries_1 PARTITION OF message_deliveries FOR VALUES IN (1);
                CREATE TABLE message_deliveries_other PARTITION OF message_deliveries DEFAULT;
                """),
        },
        new()
        {
            Label = "bigint, hostile names",
            Schema = "Odd \"Schema's",
            Table = "Select %s FROM \\ $1;--",
            Key = [("Key \"1\" EXECUTE FUNCTION now()", "bigint")],
            NewIds = random => [KeyKind.Bigint.NewKey(random)],
            Phone = "order",
            PhoneType = "character varying(6000)",
            User = "User's $trigger$ Id",
            Guest = "%I",
        },
        new()
        {
            Label = "text, own event",
            Table = "invitations",
            Key = [("code", "text")],
            NewIds = random => [KeyKind.Text.NewKey(random)],
            Phone = "mobile",
            User = "owner",
            Guest = null,
            Event = "party",
        },
        new()
        {
            Label = "composite, hashed",
            Schema = "tickets",
            Table = "Tickets",
            Key = [("Tenant", "text"), ("sold at", "timestamptz"), ("seat", "integer")],
            NewIds = random => [$"{Number(random, 3)} \"'\\ ", Time(random), Number(random, int.MaxValue)],
            Phone = "phone",
            User = "user",
            Guest = "guest",
            Partitions = (
                "HASH (\"Tenant\")",
                """
                CREATE TABLE tickets.zero PARTITION OF tickets."Tickets" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                CREATE TABLE tickets.one PARTITION OF tickets."Tickets" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
                """),
        },
        new()
        {
            Label = "composite by range, own event",
            Table = "reminders",
            Key = [("day", "date"), ("number", "bytea")],
            NewIds = random => [Time(random)[..10], "\\x" + random.NextInt64().ToString("x16", CultureInfo.InvariantCulture)],
            Phone = "phone",
            User = "user_id",
            Guest = null,
            Event = "event_id",
            Partitions = (
                "RANGE (day)",
                """
                CREATE TABLE reminders_before PARTITION OF reminders FOR VALUES FROM (MINVALUE) TO ('2024-07-01');
                CREATE TABLE reminders_since PARTITION OF reminders FOR VALUES FROM ('2024-07-01') TO (MAXVALUE);
                """),
        },
        new()
        {
            Label = "uuid, another schema, guest and event",
            Schema = "archive",
            Key = [("id", "uuid")],
            NewIds = random => [KeyKind.Uuid.NewKey(random)],
            Event = "event",
        },
    ];

    public static TargetShape Named(string label) => All.Single(shape => shape.Label == label);

    public bool IsDeliveries => (Schema, Table) == ("public", "message_deliveries");

    /// <summary>The table, in SQL notation.</summary>
    public string Sql => $"{Quote(Schema)}.{Quote(Table)}";

    /// <summary>The columns of its key, in SQL notation.</summary>
    public string KeyColumns => string.Join(", ", Key.Select(column => Quote(column.Name)));

    /// <summary>The table and what it needs.</summary>
    public string Definition =>
        $"""
        CREATE SCHEMA IF NOT EXISTS {Quote(Schema)};
        CREATE TABLE {Sql} (
          {string.Join(", ", Key.Select(column => $"{Quote(column.Name)} {column.Type}"))}, PRIMARY KEY ({KeyColumns}),
          {Quote(Phone)} {PhoneType}, {Quote(User)} {Keys.SqlType()},
          {string.Concat(Links.Select(column => $"{Quote(column)} {Keys.SqlType()}, "))}note text)
        {(Partitions is { } partitions ? $" PARTITION BY {partitions.By}; {partitions.Parts}" : ";")}
        """;

    /// <summary>The columns with the guest and the event, as far as there are any.</summary>
    public IEnumerable<string> Links => new[] { Guest, Event }.OfType<string>();

    /// <summary>A record's key as the audit has it.</summary>
    public static string KeyText(string[] ids) => ids switch
    {
        [var id] => id,
        _ => "[" + string.Join(", ", ids.Select(id => $"\"{id.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"")) + "]",
    };

    /// <summary>The same of alias d, in SQL that goes by its own way to it.</summary>
    public string KeyTextSql
    {
        get
        {
            var texts = Key.Select(column => column.Type switch
            {
                "timestamptz" => $"to_char(d.{Quote(column.Name)} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00\"')",
                "date" => $"to_char(d.{Quote(column.Name)}, 'YYYY-MM-DD')",
                "bytea" => $"'\\x' || encode(d.{Quote(column.Name)}, 'hex')",
                _ => $"d.{Quote(column.Name)}::text",
            }).ToList();
            return texts is [var text] ? text : $"jsonb_build_array({string.Join(", ", texts)})::text";
        }
    }

    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string Number(Random random, int below) => random.Next(below).ToString(CultureInfo.InvariantCulture);

    private static string Time(Random random) =>
        DateTime.UnixEpoch.AddSeconds(1_700_000_000 + random.Next(40_000_000)).ToString("yyyy-MM-dd'T'HH:mm:ss'+00'", CultureInfo.InvariantCulture);
}
