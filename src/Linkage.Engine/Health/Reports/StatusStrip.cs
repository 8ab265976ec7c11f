using System.Globalization;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Reports;

/// <summary>Which checks were not healthy when: a strip for each, whose height tells the status as well as its colour.</summary>
internal static class StatusStrip
{
    private const int Width = 600;
    private const int Height = 20;

    public static void Write(ReportPlace place, IReadOnlyList<CheckStep> history)
    {
        var checks = history
            .GroupBy(step => (step.Check, step.Subject))
            .Select(check => (check.Key.Check, check.Key.Subject, Steps: check.OrderBy(step => step.Step).ToList()))
            .OrderBy(check => check.Check, StringComparer.Ordinal).ThenBy(check => check.Subject, StringComparer.Ordinal)
            .ToList();
        var uneasy = checks.Where(check => check.Steps.Exists(step => step.Status >= CheckStatus.Warning)).ToList();
        if (checks.Count == 0)
            return;
        place.Heading("Checks that were not healthy");
        if (uneasy.Count == 0)
        {
            place.Paragraph($"None: {ReportText.Count(checks.Count, "check was", "checks were")} never a warning, and never critical.");
            return;
        }

        place.Html.Element("div", () =>
        {
            foreach (var (check, subject, steps) in uneasy)
                Strip(place, subject.Length == 0 || subject == check ? check : $"{check}, {subject}", steps);
            place.Html.Element("div", () => place.Chart.TimeAxis(), ("class", "strip-times"));
        }, ("class", "strips"));
        place.Html.Element("details", () =>
        {
            place.Html.Element("summary", "The figures as a table");
            Table(place, uneasy);
        });
        if (checks.Count > uneasy.Count)
        {
            place.Paragraph(
                $"{ReportText.Count(checks.Count - uneasy.Count, "other check was", "other checks were")} never a warning, and never critical.");
        }
    }

    private static void Strip(ReportPlace place, string name, List<CheckStep> steps)
    {
        var html = place.Html;
        html.Element("div", () =>
        {
            html.Element("span", () => html.Element("bdi", ReportText.Short(name)), ("class", "strip-name"));
            html.Element("svg", () =>
            {
                html.Element("title", $"{ReportText.Short(name)}: {Summary(steps)}");
                foreach (var (from, upto, status) in Spans(steps))
                {
                    var width = (double)Width / place.Steps.Count;
                    var tall = status switch { CheckStatus.Critical => Height, CheckStatus.Warning => Height * 2 / 3, _ => Height / 4 };
                    html.Empty(
                        "rect", ("class", $"span {ReportPlace.Look(status)}"), ("x", Invariant(from * width)), ("y", Invariant(Height - tall)),
                        ("width", Invariant((upto - from) * width)), ("height", Invariant(tall)));
                }
            }, ("viewBox", $"0 0 {Width} {Height}"), ("preserveAspectRatio", "none"), ("role", "img"),
            ("aria-label", $"{ReportText.Short(name)}: {Summary(steps)}"), ("focusable", "false"));
        }, ("class", "strip"));
        html.Line();
    }

    private static void Table(ReportPlace place, List<(string Check, string Subject, List<CheckStep> Steps)> uneasy)
    {
        var table = new HtmlTable(place.Html, $"How often a check found what, by {place.Steps.WidthText}");
        table.Write(
            [new("Check"), new("Of"), new("From (UTC)"), new("Status"), new("Highest value", true), new("Times", true)],
            uneasy.SelectMany(check => check.Steps.Where(step => step.Status >= CheckStatus.Warning)),
            step =>
            {
                table.Name(step.Check);
                table.Data(step.Subject);
                table.Time(place.Steps.StartOf(step.Step));
                table.Cell(() => place.Badge(step.Status));
                table.Number(ReportText.Number(step.Value));
                table.Number(ReportText.Number(step.Times));
            });
    }

    // Neighbours of one status are one rectangle.
    private static IEnumerable<(int From, int Upto, CheckStatus Status)> Spans(List<CheckStep> steps)
    {
        var at = 0;
        while (at < steps.Count)
        {
            var end = at + 1;
            while (end < steps.Count && steps[end].Status == steps[at].Status && steps[end].Step == steps[end - 1].Step + 1)
                end++;
            yield return (steps[at].Step, steps[end - 1].Step + 1, steps[at].Status);
            at = end;
        }
    }

    private static string Summary(List<CheckStep> steps) =>
        $"{steps.Count(step => step.Status == CheckStatus.Critical)} of {steps.Count} steps critical, "
        + $"{steps.Count(step => step.Status == CheckStatus.Warning)} with a warning";

    private static string Invariant(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
