using Linkage.Engine.Schema;

namespace Linkage.Engine.Health.Reports;

/// <summary>One self-contained HTML page: no script, nothing from any network, readable on paper and on a phone.</summary>
public static class ReportPage
{
    private static readonly (string Id, string Title, Action<ReportPlace> Write)[] _sections =
    [
        ("status", "Status", StatusSection.Write),
        ("trends", "Trends", TrendSection.Write),
        ("runs", "Runs", RunSection.Write),
        ("ghosts", "Ghosts and orphans", PeopleSections.Ghosts),
        ("ambiguous", "Ambiguous", PeopleSections.Ambiguous),
        ("duplicates", "Duplicates", CheckSections.Duplicates),
        ("checks", "Checks", CheckSections.Checks),
        ("schema", "Schema", CheckSections.Schema),
    ];

    /// <summary>Writes the page.</summary>
    /// <param name="output">Gets the text; it is to be stored as UTF-8.</param>
    /// <param name="reports">What to tell of each database; at least one.</param>
    /// <param name="options">What they cover.</param>
    public static void Write(TextWriter output, IReadOnlyList<DatabaseReport> reports, ReportOptions options)
    {
        var html = new HtmlWriter(output);
        html.DocumentType();
        html.Element("html", () =>
        {
            html.Element("head", () => Head(html, reports));
            html.Line();
            html.Element("body", () =>
            {
                html.Link("main", "Skip to the status", ("class", "skip"));
                Header(html, reports, options);
                html.Element("main", () =>
                {
                    if (reports.Count == 1)
                        Sections(new ReportPlace(html, reports[0], options, "", 2));
                    else
                        Databases(html, reports, options);
                }, ("id", "main"), ("tabindex", "-1"));
                Footer(html);
            });
        }, ("lang", "en"));
        html.Line();
    }

    private static void Head(HtmlWriter html, IReadOnlyList<DatabaseReport> reports)
    {
        html.Empty("meta", ("charset", "utf-8"));
        html.Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", ReportStyle.Policy));
        html.Empty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        html.Empty("meta", ("name", "color-scheme"), ("content", "light dark"));
        html.Empty("meta", ("name", "generator"), ("content", $"Linkage {SchemaInstaller.ModuleVersion}"));
        html.Element("title", reports.Count == 1
            ? $"{reports[0].Status}: {ReportText.Short(reports[0].Database)} - Linkage report"
            : $"Linkage report of {reports.Count} databases");
        html.Style();
    }

    private static void Header(HtmlWriter html, IReadOnlyList<DatabaseReport> reports, ReportOptions options)
    {
        html.Element("header", () =>
        {
            html.Element("h1", () =>
            {
                html.Text("Linkage report");
                if (reports.Count == 1)
                {
                    html.Text(": ");
                    html.Element("bdi", ReportText.Short(reports[0].Database));
                }
            });
            html.Element("p", () =>
            {
                if (reports.Count == 1)
                {
                    Server(html, reports[0]);
                    html.Text(". ");
                }

                html.Text("Period: ");
                Time(html, options.Since);
                html.Text(" to ");
                Time(html, options.Until);
                html.Text(" UTC. All times are UTC.");
            });
        });
        html.Element("nav", () => html.Element("ul", () =>
        {
            foreach (var (id, title) in reports.Count == 1
                         ? _sections.Select(section => (section.Id, section.Title))
                         : reports.Select((report, n) => ($"db{n + 1}", ReportText.Short(report.Database))))
            {
                html.Element("li", () => html.Link(id, title));
            }
        }), ("aria-label", "Contents"));
        html.Line();
    }

    private static void Databases(HtmlWriter html, IReadOnlyList<DatabaseReport> reports, ReportOptions options)
    {
        html.Element("section", () =>
        {
            html.Element("h2", "Status of all", ("id", "all"));
            var table = new HtmlTable(html, "Databases");
            var places = reports.Select((report, n) => new ReportPlace(html, report, options, $"db{n + 1}-", 3)).ToList();
            table.Write(
                [new("Database"), new("Server"), new("Status"), new("In short")],
                places,
                place =>
                {
                    table.Cell(() => html.Link(place.Prefix.TrimEnd('-'), ReportText.Short(place.Report.Database)));
                    table.Data($"{place.Report.Server}:{place.Report.Port}");
                    table.Cell(() => place.Badge(place.Report.Status));
                    table.Text(StatusSection.Headline(place.Report));
                });
        }, ("aria-labelledby", "all"));
        for (var n = 0; n < reports.Count; n++)
        {
            var (report, id) = (reports[n], $"db{n + 1}");
            html.Element("section", () =>
            {
                html.Element("h2", () => html.Element("bdi", ReportText.Short(report.Database)), ("id", id));
                html.Element("p", () => Server(html, report));
                Sections(new ReportPlace(html, report, options, $"{id}-", 3));
            }, ("aria-labelledby", id), ("class", "database"));
        }
    }

    private static void Sections(ReportPlace place)
    {
        foreach (var section in place.Report.Problem is null ? _sections : _sections.Take(1))
            section.Write(place);
    }

    private static void Server(HtmlWriter html, DatabaseReport report)
    {
        html.Element("bdi", ReportText.Short($"{report.Server}:{report.Port}"));
        if (report.ServerVersion.Length > 0)
            html.Text($", PostgreSQL {report.ServerVersion}");
        html.Text(", read at ");
        Time(html, report.ReadAt);
        html.Text(" UTC");
    }

    private static void Time(HtmlWriter html, DateTime utc) => html.Element("time", ReportText.Time(utc), ("datetime", ReportText.Machine(utc)));

    private static void Footer(HtmlWriter html) => html.Element("footer", () => html.Element(
        "p",
        $"Written by Linkage {SchemaInstaller.ModuleVersion}. Status, ghosts, orphans, duplicates and schema are those of the time "
        + "at which the database was read; "
        + "trends, runs and ambiguous cases those of the period. It holds e-mail addresses, names and phones: keep it where these may be kept."));
}
