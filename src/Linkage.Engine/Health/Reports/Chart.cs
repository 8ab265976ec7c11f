using System.Globalization;
using System.Text;

namespace Linkage.Engine.Health.Reports;

/// <summary>
/// Charts over time, as SVG. The drawing is stretched to the width of the page, with lines that keep theirs; words and numbers stand beside it
/// as text of the page, so that they are read as well on a phone as on a screen. Each has its figures as a table.
/// </summary>
internal sealed class Chart(HtmlWriter html, ReportSteps steps)
{
    private const int Width = 600;
    private const int Height = 200;
    private const int Ticks = 4;

    /// <summary>Lines from value to value; steps that nobody measured in are passed over.</summary>
    /// <param name="id">Unique in the page.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="unit">What its values are.</param>
    /// <param name="series">At least one, with a value at least.</param>
    public void Lines(string id, string title, string unit, IReadOnlyList<ChartSeries> series)
    {
        var top = Top(series.SelectMany(line => line.Values.Values).DefaultIfEmpty().Max(), unit == "%");
        Figure(id, title, unit, series, top, () =>
        {
            foreach (var line in series)
            {
                html.Empty("path", ("class", $"line {line.Look}"), ("d", LinePath(line, top)));
                html.Empty("path", ("class", $"dots {line.Look}"), ("d", DotPath(line, top)));
            }
        });
    }

    /// <summary>Bars, one upon the other.</summary>
    /// <inheritdoc cref="Lines"/>
    public void Bars(string id, string title, string unit, IReadOnlyList<ChartSeries> series)
    {
        var sums = new double[steps.Count];
        foreach (var (step, value) in series.SelectMany(layer => layer.Values))
            sums[step] += value;
        var top = Top(sums.Max(), isShare: false);
        Figure(id, title, unit, series, top, () =>
        {
            var below = new double[steps.Count];
            foreach (var layer in series)
            {
                foreach (var (step, value) in layer.Values.OrderBy(v => v.Key))
                {
                    below[step] += value;
                    html.Empty(
                        "rect", ("class", $"bar {layer.Look}"),
                        ("x", Invariant(Left(step) + (StepWidth * 0.1))), ("y", Invariant(Y(below[step], top))),
                        ("width", Invariant(StepWidth * 0.8)), ("height", Invariant(value / top * Height)));
                }
            }
        });
    }

    private double StepWidth => (double)Width / steps.Count;

    private double Left(int step) => step * StepWidth;

    private static double Y(double value, double top) => Height - (value / top * Height);

    private void Figure(string id, string title, string unit, IReadOnlyList<ChartSeries> series, double top, Action draw) =>
        html.Element("figure", () =>
        {
            html.Element("figcaption", () =>
            {
                html.Element("strong", title);
                html.Element("span", () =>
                {
                    foreach (var one in series)
                    {
                        html.Element("span", () =>
                        {
                            html.Element("span", "", ("class", $"swatch {one.Look}"), ("aria-hidden", "true"));
                            html.Text(one.Name);
                        }, ("class", "key"));
                        html.Line();
                    }
                }, ("class", "legend"));
            });
            html.Element("div", () =>
            {
                html.Element("div", () => Scale(top, unit), ("class", "scale"), ("aria-hidden", "true"));
                html.Element("svg", () =>
                {
                    html.Element("title", title, ("id", $"{id}-t"));
                    html.Element("desc", Describe(series, unit), ("id", $"{id}-d"));
                    for (var line = 0; line <= Ticks; line++)
                        html.Empty("path", ("class", "grid"), ("d", $"M0 {Height / Ticks * line}H{Width}"));
                    draw();
                }, ("viewBox", $"0 0 {Width} {Height}"), ("preserveAspectRatio", "none"), ("role", "img"),
                ("aria-labelledby", $"{id}-t {id}-d"), ("focusable", "false"));
                TimeAxis();
            }, ("class", "plot"));
            Figures(title, unit, series);
        });

    private void Scale(double top, string unit)
    {
        for (var tick = Ticks; tick >= 0; tick--)
            html.Element("span", ReportText.Number(top / Ticks * tick) + (unit == "%" ? " %" : ""));
    }

    /// <summary>Five times below a drawing; the second and the fourth give way on a narrow screen.</summary>
    public void TimeAxis() =>
        html.Element("div", () =>
        {
            var period = steps.Until - steps.Since;
            for (var tick = 0; tick <= Ticks; tick++)
                html.Element("span", ReportText.Tick(steps.Since + (period * tick / Ticks), period));
        }, ("class", "times"), ("aria-hidden", "true"));

    private void Figures(string title, string unit, IReadOnlyList<ChartSeries> series) =>
        html.Element("details", () =>
        {
            html.Element("summary", "The figures as a table");
            var table = new HtmlTable(html, $"{title}, by {steps.WidthText}");
            table.Write(
                [new("From (UTC)"), .. series.Select(one => new HtmlColumn(unit == "%" ? $"{one.Name}, %" : one.Name, IsNumber: true))],
                series.SelectMany(one => one.Values.Keys).Distinct().Order(),
                step =>
                {
                    table.Time(steps.StartOf(step));
                    foreach (var one in series)
                        table.Number(one.Values.TryGetValue(step, out var value) ? ReportText.Number(value) : "");
                });
        });

    private string Describe(IReadOnlyList<ChartSeries> series, string unit)
    {
        var text = new StringBuilder($"{ReportText.Time(steps.Since)} to {ReportText.Time(steps.Until)} UTC, by {steps.WidthText}.");
        foreach (var one in series.Where(one => one.Values.Count > 0))
        {
            var suffix = unit == "%" ? " %" : "";
            text.Append(
                CultureInfo.InvariantCulture,
                $" {one.Name}: lowest {ReportText.Number(one.Values.Values.Min())}{suffix}, ");
            text.Append(
                CultureInfo.InvariantCulture,
                $"highest {ReportText.Number(one.Values.Values.Max())}{suffix}, ");
            text.Append(
                CultureInfo.InvariantCulture,
                $"last {ReportText.Number(one.Values.MaxBy(v => v.Key).Value)}{suffix}.");
        }

        return text.ToString();
    }

    private string LinePath(ChartSeries line, double top)
    {
        var path = new StringBuilder();
        foreach (var (step, value) in line.Values.OrderBy(v => v.Key))
            path.Append(path.Length == 0 ? 'M' : 'L').Append(Invariant(Left(step) + (StepWidth / 2))).Append(' ').Append(Invariant(Y(value, top)));
        return path.ToString();
    }

    // A line of no length with round ends is a dot that stays round however the drawing is stretched.
    private string DotPath(ChartSeries line, double top)
    {
        var path = new StringBuilder();
        foreach (var (step, value) in line.Values)
            path.Append('M').Append(Invariant(Left(step) + (StepWidth / 2))).Append(' ').Append(Invariant(Y(value, top))).Append("h0");
        return path.ToString();
    }

    /// <summary>The end of the scale: four ticks with round numbers, and whole ones where things are counted.</summary>
    private static double Top(double highest, bool isShare)
    {
        if (highest <= 0)
            return isShare ? 1 : Ticks;
        var quarter = isShare ? highest / Ticks : Math.Max(1, highest / Ticks);
        var power = Math.Pow(10, Math.Floor(Math.Log10(quarter)));
        double[] rounds = power < 10 && !isShare ? [1, 2, 3, 4, 5, 10] : [1, 2, 2.5, 5, 10];
        return Ticks * power * Array.Find(rounds, round => round * power >= quarter * 0.9999);
    }

    private static string Invariant(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
