using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Reports;

/// <summary>Every check, by what it is about.</summary>
internal static class CheckSections
{
    /// <summary>What is there twice, rule by rule. Rules whose tables are absent are counted only.</summary>
    public static void Duplicates(ReportPlace place) => place.Section("duplicates", "Duplicates and unique keys", () =>
    {
        foreach (var group in Of(place, CheckGroupKind.UniqueKeys))
        {
            var there = group.Checks.Where(check => check.Status != CheckStatus.Unknown || !check.Details.ContainsKey("State")).ToList();
            var absent = group.Checks.Count - there.Count;
            if (there.Count > 0)
                Table(place, there, "Rules, and how many rows share their key with one that would stay", "Rule", "Duplicates");
            if (absent > 0)
                place.Note($"{ReportText.Count(absent, "rule is", "rules are")} about tables or columns that are not in this database.");
        }
    });

    public static void Checks(ReportPlace place) => place.Section("checks", "Checks", () =>
    {
        foreach (var (kind, title) in new[]
                 {
                     (CheckGroupKind.UserLinks, "Links of deliveries"), (CheckGroupKind.UserSync, "Accounts and profiles"),
                     (CheckGroupKind.Customers, "Leads and customers"),
                 })
        {
            foreach (var group in Of(place, kind))
            {
                var name = group.Subject.Length == 0 ? title : $"Links of {ReportText.Short(group.Subject)}";
                place.Heading(name);
                if (group.Checks.Count > 0)
                    Table(place, group.Checks, name, "Check", "Value");
            }
        }
    });

    public static void Schema(ReportPlace place) => place.Section("schema", "Schema", () =>
    {
        foreach (var group in Of(place, CheckGroupKind.Schema))
            Table(place, group.Checks, "What is installed", "Check", "Found");
    });

    private static IEnumerable<CheckGroup> Of(ReportPlace place, CheckGroupKind kind)
    {
        foreach (var group in place.Report.Groups.Where(group => group.Kind == kind))
        {
            yield return group;
            if (group.Absent is { } absent)
                place.Note(absent);
        }
    }

    private static void Table(ReportPlace place, IReadOnlyList<CheckResult> checks, string caption, string name, string value)
    {
        var table = new HtmlTable(place.Html, caption);
        table.Write(
            [new(name), new("Status"), new(value, true), new("Threshold", true), new("Message")],
            checks,
            check =>
            {
                table.Name(check.Check);
                table.Cell(() => place.Badge(check.Status));
                table.Number(ReportText.Number(check.Value));
                table.Number(ReportText.Number(check.Threshold));
                table.Cell(() => place.Sentence(check.Message), "message");
            });
    }
}
