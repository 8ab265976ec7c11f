namespace Linkage.Engine.Health.Reports;

/// <summary>A column of a table.</summary>
/// <param name="Name">Its head.</param>
/// <param name="IsNumber">Whether its cells stand to the right.</param>
internal sealed record HtmlColumn(string Name, bool IsNumber = false);

/// <summary>A table in a box of its own, which scrolls sideways where the page is narrower, by keyboard too.</summary>
internal sealed class HtmlTable(HtmlWriter html, string caption)
{
    /// <summary>Writes it, row by row.</summary>
    /// <param name="columns">Its columns.</param>
    /// <param name="rows">What its rows are about.</param>
    /// <param name="cells">Writes the cells of one.</param>
    public void Write<T>(IReadOnlyList<HtmlColumn> columns, IEnumerable<T> rows, Action<T> cells) =>
        html.Element("div", () => html.Element("table", () =>
        {
            html.Element("caption", caption);
            html.Element("thead", () => html.Element("tr", () =>
            {
                foreach (var column in columns)
                    html.Element("th", column.Name, ("scope", "col"), ("class", column.IsNumber ? "number" : null));
            }));
            html.Element("tbody", () =>
            {
                foreach (var row in rows)
                {
                    html.Element("tr", () => cells(row));
                    html.Line();
                }
            });
        }), ("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption));

    /// <summary>A cell with the module's own words.</summary>
    public void Text(string text) => html.Element("td", text);

    /// <summary>A cell whose content is written by the caller.</summary>
    public void Cell(Action content, string? look = null) => html.Element("td", content, ("class", look));

    /// <summary>A cell with a value from the data: set apart, so that its direction of writing touches nothing beside it.</summary>
    public void Data(string? value, string? look = null) =>
        html.Element("td", () => html.Element("bdi", ReportText.Short(value)), ("class", look));

    /// <summary>The cell that names the row.</summary>
    public void Name(string value) => html.Element("th", () => html.Element("bdi", ReportText.Short(value)), ("scope", "row"));

    /// <summary>A cell with a number.</summary>
    public void Number(string value) => html.Element("td", value, ("class", "number"));

    /// <summary>A cell with a time.</summary>
    public void Time(DateTime? utc) => html.Element("td", () =>
    {
        if (utc is { } known)
            html.Element("time", ReportText.Time(known), ("datetime", ReportText.Machine(known)));
    }, ("class", "when"));
}
