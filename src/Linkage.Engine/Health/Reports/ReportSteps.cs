namespace Linkage.Engine.Health.Reports;

/// <summary>A period in steps of equal width, few enough for a chart: what a database is asked for in one row per step.</summary>
/// <param name="Since">Where the first one begins; UTC.</param>
/// <param name="Until">Where the last one ends at the latest; UTC.</param>
/// <param name="Width">How long one is.</param>
public sealed record ReportSteps(DateTime Since, DateTime Until, TimeSpan Width)
{
    private const int Most = 93;

    // Widths that divide a day, then whole days: 31 days are 62 steps of half a day, 365 are 92 of four days.
    private static readonly TimeSpan[] _widths =
    [
        TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30), TimeSpan.FromHours(1),
        TimeSpan.FromHours(2), TimeSpan.FromHours(6), TimeSpan.FromHours(12), TimeSpan.FromDays(1), TimeSpan.FromDays(2), TimeSpan.FromDays(4),
        TimeSpan.FromDays(7), TimeSpan.FromDays(14), TimeSpan.FromDays(28),
    ];

    /// <summary>How many there are.</summary>
    public int Count => (int)Math.Ceiling((Until - Since) / Width);

    /// <summary>The narrowest of the usual widths that gives few enough steps.</summary>
    /// <param name="since">Where the period begins.</param>
    /// <param name="until">Where it ends, later than that.</param>
    public static ReportSteps Over(DateTime since, DateTime until)
    {
        var period = until - since;
        var width = Array.Find(_widths, candidate => period <= candidate * Most);
        return new ReportSteps(since, until, width == default ? TimeSpan.FromDays(Math.Ceiling(period.TotalDays / Most)) : width);
    }

    /// <summary>Where one begins; UTC.</summary>
    public DateTime StartOf(int step) => Since + (Width * step);

    /// <summary>The width in words: <c>12 hours</c>.</summary>
    public string WidthText => Width switch
    {
        { TotalDays: 1 } => "day",
        { TotalDays: > 1 } => $"{Width.TotalDays:0} days",
        { TotalHours: 1 } => "hour",
        { TotalHours: > 1 } => $"{Width.TotalHours:0} hours",
        { TotalMinutes: 1 } => "minute",
        _ => $"{Width.TotalMinutes:0} minutes",
    };
}
