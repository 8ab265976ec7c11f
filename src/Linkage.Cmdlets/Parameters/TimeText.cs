using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Linkage.Cmdlets.Parameters;

/// <summary>Reads what users write for spans of time and points in time.</summary>
internal static partial class TimeText
{
    private const string Remedy = "write a number with its unit (500ms, 30s, 15m, 24h, 7d, 2w), or a TimeSpan such as 1.12:00:00";

    /// <summary>
    /// What the user typed. An unquoted <c>7d</c> is a decimal number to PowerShell; the wrapped number remembers its text.
    /// </summary>
    public static object? Typed(object? input) => input switch
    {
        PSObject { BaseObject: string or DateTime or DateTimeOffset or TimeSpan } wrapped => wrapped.BaseObject,
        PSObject wrapped => wrapped.ToString(),
        null or string or DateTime or DateTimeOffset or TimeSpan => input,
        _ => Convert.ToString(input, CultureInfo.InvariantCulture),
    };

    /// <summary>Reads a span of time; null if the text is none.</summary>
    /// <exception cref="ArgumentTransformationMetadataException">It is a number without a unit.</exception>
    public static TimeSpan? ReadSpan(string text)
    {
        var trimmed = text.Trim();
        if (BareNumber().IsMatch(trimmed))
            throw new ArgumentTransformationMetadataException($"'{text}' has no unit: {Remedy}.");
        if (UnitsPattern().Match(trimmed) is { Success: true } match)
            return Sum(match);
        return TimeSpan.TryParse(trimmed, CultureInfo.InvariantCulture, out var span) ? span : null;
    }

    /// <summary>Reads a point in time; one without an offset is local. Null if the text is none.</summary>
    public static DateTime? ReadPoint(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var point) ? point.UtcDateTime : null;

    /// <summary>What to say of a text that is no time at all.</summary>
    public static ArgumentTransformationMetadataException Unreadable(object? input, bool orDate) =>
        new($"'{input}' is not a time: {Remedy}{(orDate ? ", or a date such as 2026-01-31 or 2026-01-31T13:00Z" : string.Empty)}.");

    private static TimeSpan Sum(Match match)
    {
        var ticks = 0.0;
        for (var part = 0; part < match.Groups["number"].Captures.Count; part++)
        {
            var number = double.Parse(match.Groups["number"].Captures[part].Value, CultureInfo.InvariantCulture);
            ticks += number * Unit(match.Groups["unit"].Captures[part].Value);
        }

        if (ticks >= TimeSpan.MaxValue.Ticks)
            throw new ArgumentTransformationMetadataException($"'{match.Value}' is too long a time.");
        return TimeSpan.FromTicks((long)ticks);
    }

    private static long Unit(string unit) => unit.ToUpperInvariant() switch
    {
        "MS" => TimeSpan.TicksPerMillisecond,
        "S" => TimeSpan.TicksPerSecond,
        "M" => TimeSpan.TicksPerMinute,
        "H" => TimeSpan.TicksPerHour,
        "D" => TimeSpan.TicksPerDay,
        _ => 7 * TimeSpan.TicksPerDay,
    };

    [GeneratedRegex(@"^(?:(?<number>\d+(?:\.\d+)?)\s*(?<unit>ms|s|m|h|d|w)\s*)+$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex UnitsPattern();

    [GeneratedRegex(@"^[+-]?\d+(?:\.\d+)?$")]
    private static partial Regex BareNumber();
}
