using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Linkage.Benchmarks.Measuring;

/// <summary>Results for the docs: a table in Markdown and a plot as SVG that reads on light and dark paper.</summary>
internal static partial class Report
{
    private const int Width = 760;
    private const int Bar = 22;
    private const int Step = 44;
    private const int Left = 270;
    private const int Top = 64;

    /// <summary>Writes NAME-ROWS.md and NAME-ROWS.svg.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="name">The benchmark.</param>
    /// <param name="rows">How many rows its data has.</param>
    /// <param name="title">What was measured.</param>
    /// <param name="conditions">On what, and how often.</param>
    /// <param name="results">What came out.</param>
    /// <param name="more">What else the table's page says, in Markdown.</param>
    public static async Task WriteAsync(
        string folder, string name, int rows, string title, string conditions, Results results, string? more = null)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, $"{name}-{rows}");
        await File.WriteAllTextAsync($"{file}.svg", Plot(title, conditions, results));
        await File.WriteAllTextAsync($"{file}.md", $"""
            # {title}

            {conditions}. Written by `{Command(name, rows)}`.

            ![Median seconds of each contender]({name}-{rows}.svg)

            {results.ToMarkdown()}{(more is null ? "" : "\n\n" + more)}
            """.ReplaceLineEndings("\n") + "\n");
    }

    private static string Command(string name, int rows) =>
        $"dotnet run -c Release --project tests/Linkage.Benchmarks -- {name} --rows {rows} --docs docs/benchmarks";

    private static string Plot(string title, string conditions, Results results)
    {
        var names = results.Contenders;
        var scale = (Width - Left - 90) / names.Max(results.Slowest);
        var svg = new StringBuilder();
        svg.Append(Invariant($"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Top + names.Count * Step + 12}" role="img" aria-labelledby="title conditions">
              <style>
                text {"{"} font: 13px system-ui, sans-serif; fill: #1f2328; {"}"}
                .title {"{"} font-size: 16px; font-weight: 600; {"}"}
                .small {"{"} font-size: 11px; fill: #656d76; {"}"}
                .bar {"{"} fill: #8c959f; {"}"} .ours {"{"} fill: #1a7f37; {"}"} .range {"{"} stroke: #1f2328; stroke-width: 1.5; {"}"}
                @media (prefers-color-scheme: dark) {"{"}
                  text {"{"} fill: #e6edf3; {"}"} .small {"{"} fill: #9198a1; {"}"} .bar {"{"} fill: #656c76; {"}"} .ours {"{"} fill: #3fb950; {"}"} .range {"{"} stroke: #e6edf3; {"}"}
                {"}"}
              </style>
              <title id="title">{Text(title)}: median seconds</title>
              <desc id="conditions">{Text(conditions)}</desc>
              <text class="title" x="12" y="24">{Text(title)}: median seconds, with the fastest and the slowest turn</text>
              <text class="small" x="12" y="44">{Text(conditions)}</text>

            """));
        for (var i = 0; i < names.Count; i++)
        {
            var y = Top + i * Step;
            var middle = y + Bar / 2;
            var median = results.Seconds(names[i]);
            svg.Append(Invariant($"""
                  <text x="{Left - 10}" y="{middle + 4}" text-anchor="end">{Text(names[i])}</text>
                  <rect class="{(CmdletName().IsMatch(names[i]) ? "ours" : "bar")}" x="{Left}" y="{y}" width="{median * scale:F1}" height="{Bar}" rx="2"/>
                  <line class="range" x1="{Left + results.Fastest(names[i]) * scale:F1}" x2="{Left + results.Slowest(names[i]) * scale:F1}" y1="{middle}" y2="{middle}"/>
                  <text x="{Left + results.Slowest(names[i]) * scale + 8:F1}" y="{middle + 4}">{median:F1} s</text>

                """));
        }

        return svg.Append("</svg>\n").ToString().ReplaceLineEndings("\n");
    }

    /// <summary>Who among the contenders is Linkage.</summary>
    [GeneratedRegex("^[A-Z][a-z]+-[A-Z]")]
    private static partial Regex CmdletName();

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
