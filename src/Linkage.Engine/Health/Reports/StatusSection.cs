using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Reports;

/// <summary>How things stand, in plain words: what needs attention, with the next command, the gravest first.</summary>
internal static class StatusSection
{
    public static void Write(ReportPlace place)
    {
        var report = place.Report;
        if (report.Problem is { } problem)
        {
            place.Section("status", "Status", () => place.Html.Element("div", () =>
            {
                place.Html.Element("p", () =>
                {
                    place.Badge(CheckStatus.Unknown);
                    place.Html.Text(" This database could not be read.");
                }, ("class", "lead"));
                place.Paragraph(problem);
            }, ("class", "status unknown")));
            return;
        }

        place.Section("status", "Status", () => place.Html.Element("div", () =>
        {
            place.Html.Element("p", () =>
            {
                place.Badge(report.Status);
                place.Html.Text(" " + Headline(report));
            }, ("class", "lead"));
            Attention(place);
            place.Paragraph(Rest(report));
        }, ("class", $"status {ReportPlace.Look(report.Status)}")));
    }

    /// <summary>The one sentence that matters.</summary>
    public static string Headline(DatabaseReport report)
    {
        var (critical, warnings) = (report.Count(CheckStatus.Critical), report.Count(CheckStatus.Warning));
        if (report.Problem is not null)
            return "It could not be read.";
        if (report.Status == CheckStatus.Unknown)
            return "No check could be made.";
        return (critical, warnings) switch
        {
            (0, 0) => "Nothing needs attention.",
            (0, _) => $"{ReportText.Count(warnings, "thing is", "things are")} worth a look.",
            (_, 0) => $"{ReportText.Count(critical, "thing needs", "things need")} attention now.",
            _ => $"{ReportText.Count(critical, "thing needs", "things need")} attention now, "
                + $"{ReportText.Count(warnings, "more is", "more are")} worth a look.",
        };
    }

    private static void Attention(ReportPlace place)
    {
        var found = place.Report.Groups
            .SelectMany(group => group.Checks.Select(check => (group.Subject, Check: check)))
            .Where(f => f.Check.Status is CheckStatus.Critical or CheckStatus.Warning)
            .OrderByDescending(f => f.Check.Status)
            .ToList();
        if (found.Count == 0)
            return;
        place.Html.Element("ul", () =>
        {
            foreach (var (subject, check) in found)
            {
                place.Html.Element("li", () =>
                {
                    place.Badge(check.Status);
                    place.Html.Text(" ");
                    place.Html.Element("strong", () => place.Html.Element("bdi", ReportText.Short(Words(check.Check))));
                    if (subject.Length > 0)
                    {
                        place.Html.Text(" of ");
                        place.Html.Element("bdi", ReportText.Short(subject));
                    }

                    place.Html.Text(": ");
                    place.Sentence(check.Message);
                });
                place.Html.Line();
            }
        }, ("class", "attention"));
    }

    private static string Rest(DatabaseReport report)
    {
        var unknown = report.Count(CheckStatus.Unknown);
        var rest = $"{ReportText.Count(report.Count(CheckStatus.Healthy), "check is", "checks are")} healthy";
        if (unknown > 0)
            rest += $"; {ReportText.Count(unknown, "could", "could")} not be made, mostly since tables that they are about are not there";
        return $"{rest}. As of {ReportText.Time(report.ReadAt)} UTC.";
    }

    // DeliveryInconsistencyRate reads better in parts; names of rules stay as they are.
    private static string Words(string check) =>
        check.Contains('_', StringComparison.Ordinal)
            ? check
            : string.Concat(check.Select((c, i) => i > 0 && char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : $"{c}"));
}
