using System.Globalization;
using System.Text.Json;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Health.Reports;

/// <summary>Runs of the period: what they did, how long it took, how they ended.</summary>
internal static class RunSection
{
    public static void Write(ReportPlace place) => place.Section("runs", "Runs", () => place.Part(place.Report.Runs, runs =>
    {
        if (runs.Total == 0)
        {
            place.Note("No run started in this period.");
            return;
        }

        var longest = runs.Items.Max(Elapsed);
        place.Paragraph(Heading(runs));
        var table = new HtmlTable(place.Html, "Runs, the newest first");
        table.Write(
            [new("Status"), new("Started (UTC)"), new("Kind"), new("Table"), new("Duration", true), new(""), new("Counts"), new("RunId")],
            runs.Items,
            run =>
            {
                table.Cell(() => Status(place, run));
                table.Time(run.StartedAt);
                table.Text(run.IsDryRun ? $"{run.Kind} (dry run)" : run.Kind);
                table.Data(run.Target);
                table.Number(ReportText.Duration(Elapsed(run)));
                table.Cell(() => Bar(place, Elapsed(run), longest), "bar-cell");
                table.Data(Counts(run), "wide");
                table.Cell(() => place.Html.Element("code", run.RunId.ToString()), "id");
            });
    }));

    private static string Heading(ReportList<RunRecord> runs) =>
        $"{ReportText.Count(runs.Total, "run", "runs")} started in this period"
        + (runs.Total > runs.Items.Count ? $"; the {ReportText.Number(runs.Items.Count)} newest are listed, Get-LinkageRun lists all" : "")
        + ". Undo-LinkageRun takes one back by its RunId.";

    private static TimeSpan Elapsed(RunRecord run) => (run.FinishedAt ?? run.HeartbeatAt) - run.StartedAt;

    private static void Status(ReportPlace place, RunRecord run)
    {
        var look = run.Status switch
        {
            "failed" => "critical",
            "interrupted" or "stopped" or "suspended" or "partly undone" => "warning",
            "completed" => "healthy",
            _ => "unknown",
        };
        place.Html.Element("span", run.Status, ("class", $"badge {look}"));
        if (run.Message is { } message && look is "critical" or "warning")
        {
            place.Html.Text(" ");
            place.Html.Element("span", () => place.Html.Element("bdi", ReportText.Short(run.Message)), ("class", "why"));
        }
    }

    private static void Bar(ReportPlace place, TimeSpan elapsed, TimeSpan longest)
    {
        var width = longest > TimeSpan.Zero ? Math.Max(1, 100 * elapsed / longest) : 1;
        place.Html.Element(
            "svg",
            () => place.Html.Empty(
                "rect", ("class", "bar a"), ("x", "0"), ("y", "0"), ("width", width.ToString("0.#", CultureInfo.InvariantCulture)), ("height", "10")),
            ("viewBox", "0 0 100 10"), ("preserveAspectRatio", "none"), ("aria-hidden", "true"), ("focusable", "false"));
    }

    private static string Counts(RunRecord run)
    {
        using var counts = JsonDocument.Parse(run.Counts);
        return string.Join(", ", counts.RootElement.EnumerateObject()
            .Where(count => count.Value.ValueKind == JsonValueKind.Number && count.Value.GetDouble() != 0)
            .Select(count => $"{ReportText.Short(count.Name.Replace('_', ' '))} {ReportText.Number(count.Value.GetDouble())}"));
    }
}
