namespace Linkage.Engine.Health.Reports;

/// <summary>One line, or one layer of bars, of a chart.</summary>
/// <param name="Name">What it is called beside the chart.</param>
/// <param name="Look">Which of the style sheet's series it looks like: a letter.</param>
/// <param name="Values">By step; a step without a value is left out.</param>
internal sealed record ChartSeries(string Name, char Look, IReadOnlyDictionary<int, double> Values);
