using System.Text;

namespace Linkage.Engine.Tests.Customers.Quality;

/// <summary>The labelled sets of records beside this file, as leads.</summary>
internal static class LabelledData
{
    /// <summary>Persons and companies in three sources (Senzing/truth-sets, Apache-2.0).</summary>
    public static IReadOnlyList<LabelledLead> TruthSet { get; } = [.. ReadTruthSet()];

    /// <summary>Persons with slips, by their e-mails (moj-analytical-services/splink_datasets, MIT).</summary>
    public static IReadOnlyList<LabelledLead> Fake1000 { get; } = [.. Read("fake_1000.csv").Select(row => new LabelledLead
    {
        Id = row["unique_id"],
        Entity = row["cluster"],
        Name = Join(" ", row["first_name"], row["surname"]),
        Email = Text(row["email"]),
        Address = Text(row["city"]),
    })];

    private static IEnumerable<LabelledLead> ReadTruthSet()
    {
        var entities = Read("actual_truthset_key.csv").ToDictionary(row => (row["DATA_SOURCE"], row["RECORD_ID"]), row => row["CLUSTER_ID"]);
        foreach (var row in Read("customers.csv").Concat(Read("reference.csv")).Concat(Read("watchlist.csv")))
        {
            string? Value(string column) => Text(row.GetValueOrDefault(column));
            yield return new LabelledLead
            {
                Id = $"{row["DATA_SOURCE"]}-{row["RECORD_ID"]}",
                Entity = entities[(row["DATA_SOURCE"], row["RECORD_ID"])],
                Name = Value("PRIMARY_NAME_FULL") ?? Value("PRIMARY_NAME_ORG")
                    ?? Join(" ", Value("PRIMARY_NAME_FIRST"), Value("PRIMARY_NAME_MIDDLE"), Value("PRIMARY_NAME_LAST")) ?? Value("NATIVE_NAME_FULL"),
                Phone = Value("PHONE_NUMBER"),
                Email = Value("EMAIL_ADDRESS"),
                Address = Value("ADDR_FULL") ?? Join(", ", Value("ADDR_LINE1"), Value("ADDR_CITY"), Value("ADDR_STATE"), Value("ADDR_POSTAL_CODE")),
            };
        }
    }

    private static string? Text(string? value) => string.IsNullOrWhiteSpace(value) ? null : value.Trim();

    private static string? Join(string separator, params string?[] parts) => Text(string.Join(separator, parts.Select(Text).OfType<string>()));

    // RFC 4180; each row by the names of the header.
    private static IEnumerable<Dictionary<string, string>> Read(string name)
    {
        using var stream = typeof(LabelledData).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var rows = Split(reader.ReadToEnd()).ToList();
        return [.. rows.Skip(1).Select(row => rows[0].Zip(row).ToDictionary(cell => cell.First, cell => cell.Second))];
    }

    private static IEnumerable<List<string>> Split(string text)
    {
        List<string> row = [];
        var cell = new StringBuilder();
        var isQuoted = false;
        foreach (var c in text)
        {
            if (c == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && c is ',' or '\n')
            {
                row.Add(cell.ToString());
                cell.Clear();
                if (c == '\n')
                {
                    yield return row;
                    row = [];
                }
            }
            else if (c != '\r')
                cell.Append(c);
        }
    }
}
