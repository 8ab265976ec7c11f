using System.Globalization;
using System.Text;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>What a channel is told. It holds what the check says, and nothing else of the data. Times are UTC.</summary>
public sealed record AlertMessage
{
    private const int LongestText = 2000;

    /// <summary>Why it is sent.</summary>
    public required AlertEvent Event { get; init; }

    /// <summary>The host, or the folder of the socket.</summary>
    public required string Server { get; init; }

    /// <summary>The TCP port.</summary>
    public required int Port { get; init; }

    /// <summary>The database's name.</summary>
    public required string Database { get; init; }

    /// <summary>What the check found.</summary>
    public required CheckResult Check { get; init; }

    /// <summary>When it was checked.</summary>
    public required DateTime CheckedAt { get; init; }

    /// <summary>What the channel knew before.</summary>
    public required CheckStatus Previous { get; init; }

    /// <summary>Since when it is, or was, not healthy; null if it always was.</summary>
    public required DateTime? Since { get; init; }

    /// <summary>Whether the channel never heard of what it is told the end of.</summary>
    public required bool WasUndelivered { get; init; }

    /// <summary>How long it was not healthy; null unless it has recovered.</summary>
    public TimeSpan? Duration => Event == AlertEvent.Recovered ? CheckedAt - Since : null;

    /// <summary>Where, in short.</summary>
    public string Source => OneLine($"{Database} on {Server}:{Port}");

    /// <summary>The check, with what it is about.</summary>
    public string Name => OneLine(Check.Subject.Length > 0 ? $"{Check.Check} ({Check.Subject})" : Check.Check);

    /// <summary>The news in one line, without control characters.</summary>
    public string Title => $"{Name} {News}: {Source}";

    /// <summary>What the check says, and what else there is to know.</summary>
    public string Text => Clip(
        Check.Message + (WasUndelivered && Event == AlertEvent.Recovered ? " It could not be told while it lasted." : ""), LongestText);

    /// <summary>Tells this trouble from every other, as long as it lasts and whoever sends it.</summary>
    public string Key => $"linkage/{Server}:{Port}/{Database}/{Check.Check}/{Check.Subject}";

    /// <summary>What is measured, by name, as it is shown: no name without a value.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Facts =>
    [
        .. new KeyValuePair<string, string?>[]
        {
            new("Status", Check.Status.ToString()),
            new("Value", Number(Check.Value)),
            new("Threshold", Number(Check.Threshold)),
            new("Database", OneLine(Database)),
            new("Server", OneLine($"{Server}:{Port}")),
            new("Check", Name),
            new("Checked", Time(CheckedAt)),
            new("Since", Since is { } since ? Time(since) : null),
        }.Where(fact => fact.Value is not null)!,
    ];

    private string News => Event switch
    {
        AlertEvent.Changed => $"is {Check.Status} now, it was {Previous}",
        AlertEvent.Repeated when Check.Status != CheckStatus.Healthy => $"is still {Check.Status}",
        AlertEvent.Recovered when Check.Status == CheckStatus.Healthy => $"has recovered after {Span(Duration!.Value)}",
        AlertEvent.Recovered => $"is down to {Check.Status} after {Span(Duration!.Value)}",
        _ => $"is {Check.Status}",
    };

    /// <summary>A text of one line: control characters, those that turn the direction of writing too, become spaces.</summary>
    internal static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            var isControl = char.IsControl(character) || character is '\u2028' or '\u2029'
                || (CharUnicodeInfo.GetUnicodeCategory(character) == UnicodeCategory.Format && character != '\u200D');
            line.Append(isControl ? ' ' : character);
        }

        return line.ToString();
    }

    /// <summary>The beginning of a text that is too long, never half of a character.</summary>
    internal static string Clip(string text, int length)
    {
        if (text.Length <= length)
            return text;
        var end = length - 1;
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[end - 1]) ? end - 1 : end), "…");
    }

    private static string? Number(double? value) => value?.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Time(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    private static string Span(TimeSpan span) => span switch
    {
        { TotalDays: >= 1 } => $"{(int)span.TotalDays} d {span.Hours} h",
        { TotalHours: >= 1 } => $"{(int)span.TotalHours} h {span.Minutes} min",
        { TotalMinutes: >= 1 } => $"{(int)span.TotalMinutes} min",
        _ => $"{(int)span.TotalSeconds} s",
    };
}
