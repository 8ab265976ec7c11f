using System.Globalization;
using System.Text.RegularExpressions;

namespace Linkage.Engine.Health.Reports;

/// <summary>Numbers, times and sentences as a report shows them: the same in every culture, times in UTC.</summary>
internal static partial class ReportText
{
    /// <summary>How much of a value from the data a table shows; the whole is what the cmdlets list.</summary>
    private const int Longest = 200;

    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Number(double value) =>
        value.ToString(Math.Abs(value) >= 1000 || value == Math.Floor(value) ? "#,0.##" : "0.####", CultureInfo.InvariantCulture);

    public static string Number(double? value) => value is { } known ? Number(known) : "";

    public static string Time(DateTime utc) => utc.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    public static string Time(DateTime? utc) => utc is { } known ? Time(known) : "";

    public static string Machine(DateTime utc) => utc.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Of a period: days, or with hours where it is short.</summary>
    public static string Tick(DateTime utc, TimeSpan period) =>
        utc.ToString(
            period.TotalDays switch { <= 1 => "HH:mm", <= 4 => "d MMM HH:mm", <= 300 => "d MMM", _ => "MMM yyyy" },
            CultureInfo.InvariantCulture);

    public static string Duration(TimeSpan span) => span switch
    {
        { TotalDays: >= 1 } => $"{span.Days} d {span.Hours} h",
        { TotalHours: >= 1 } => $"{span.Hours} h {span.Minutes} min",
        { TotalMinutes: >= 1 } => $"{span.Minutes} min {span.Seconds} s",
        _ => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0} s"),
    };

    public static string Count(long count, string singular, string plural) => $"{Number(count)} {(count == 1 ? singular : plural)}";

    /// <summary>A value from the data, cut where it is longer than anybody reads.</summary>
    public static string Short(string? text)
    {
        if (text is null || text.Length <= Longest)
            return text ?? "";
        var end = char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest;
        return $"{text[..end]}…";
    }

    /// <summary>Whether a word of a sentence is a command to run: <c>Repair-GhostUser</c>, with its parameters' names.</summary>
    [GeneratedRegex(
        @"\b(?:Add|Clear|Connect|Disable|Enable|Find|Get|Install|Invoke|Measure|Merge|Register|Remove|Repair|Resolve|Resume|Save|Send|Set|Split"
        + @"|Test|Undo|Unregister)-[A-Z][A-Za-z]+(?: -[A-Z][A-Za-z]+)?\b")]
    public static partial Regex Command();
}
