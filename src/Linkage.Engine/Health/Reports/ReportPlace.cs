using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Reports;

/// <summary>Where on the page one database's sections are written, and the pieces that they share.</summary>
/// <param name="Html">The page.</param>
/// <param name="Report">What is told.</param>
/// <param name="Options">What it covers.</param>
/// <param name="Prefix">What ids begin with, so that they are unique where a page tells of several databases.</param>
/// <param name="Level">The level of its sections' headings.</param>
internal sealed record ReportPlace(HtmlWriter Html, DatabaseReport Report, ReportOptions Options, string Prefix, int Level)
{
    public ReportSteps Steps { get; } = ReportSteps.Over(Options.Since, Options.Until);

    public Chart Chart => new(Html, Steps);

    /// <summary>A section that the contents lead to.</summary>
    public void Section(string id, string title, Action content)
    {
        Html.Element("section", () =>
        {
            Html.Element($"h{Level}", title, ("id", Prefix + id));
            content();
        }, ("aria-labelledby", Prefix + id));
        Html.Line();
    }

    /// <summary>A heading within a section.</summary>
    public void Heading(string title) => Html.Element($"h{Level + 1}", title);

    public void Paragraph(string text) => Html.Element("p", () => Sentence(text));

    /// <summary>What stands where there is nothing to show.</summary>
    public void Note(string text) => Html.Element("p", () => Sentence(text), ("class", "note"));

    /// <summary>A part that was found, or the sentence that says why it wasn't.</summary>
    public void Part<T>(ReportPart<T> part, Action<T> content)
        where T : class
    {
        if (part.Found is { } found)
            content(found);
        else
            Note(part.Absent!);
    }

    /// <summary>A sentence, with the commands in it set as such. It may hold values from the data.</summary>
    public void Sentence(string text)
    {
        Html.Element("bdi", () =>
        {
            var at = 0;
            foreach (System.Text.RegularExpressions.Match command in ReportText.Command().Matches(text))
            {
                Html.Text(text[at..command.Index]);
                Html.Element("code", command.Value);
                at = command.Index + command.Length;
            }

            Html.Text(text[at..]);
        });
    }

    /// <summary>A status as a word with a sign of its own: its colour says nothing that they don't.</summary>
    public void Badge(CheckStatus status) =>
        Html.Element("span", () =>
        {
            Html.Element("span", Sign(status), ("aria-hidden", "true"));
            Html.Text(" " + status);
        }, ("class", $"badge {Look(status)}"));

    /// <summary>The style sheet's name of a status.</summary>
    public static string Look(CheckStatus status) => status switch
    {
        CheckStatus.Critical => "critical",
        CheckStatus.Warning => "warning",
        CheckStatus.Healthy => "healthy",
        _ => "unknown",
    };

    private static string Sign(CheckStatus status) => status switch
    {
        CheckStatus.Critical => "✖",
        CheckStatus.Warning => "▲",
        CheckStatus.Healthy => "✔",
        _ => "?",
    };
}
