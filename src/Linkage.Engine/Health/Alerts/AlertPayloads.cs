using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>What each kind of receiver takes. Text of the check stays text in all of them, whatever it holds.</summary>
internal static class AlertPayloads
{
    private const int LongestSlackHeader = 150;
    private const int LongestSlackText = 2900;
    private const int LongestSummary = 1024;
    private const int LongestKey = 255;

    private static readonly JsonSerializerOptions _readable =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Slack: blocks, and a text for notifications. https://api.slack.com/messaging/webhooks</summary>
    public static string Slack(AlertMessage message) => Write(new JsonObject
    {
        ["text"] = Mrkdwn(message.Title),
        ["blocks"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "header",
                ["text"] = new JsonObject
                {
                    ["type"] = "plain_text",
                    ["text"] = AlertMessage.Clip(message.Title, LongestSlackHeader),
                    ["emoji"] = false,
                },
            },
            new JsonObject
            {
                ["type"] = "section",
                ["text"] = new JsonObject { ["type"] = "mrkdwn", ["text"] = Mrkdwn(message.Text), ["verbatim"] = true },
            },
            new JsonObject
            {
                ["type"] = "section",
                ["fields"] = new JsonArray([.. message.Facts.Select(fact => new JsonObject
                {
                    ["type"] = "mrkdwn",
                    ["text"] = $"*{fact.Key}*\n{Mrkdwn(fact.Value)}",
                    ["verbatim"] = true,
                })]),
            }),
    });

    /// <summary>
    /// Teams: a message with an Adaptive Card, as the webhook of a workflow takes it. All text is in TextRuns, which know no Markdown.
    /// https://adaptivecards.io/explorer/RichTextBlock.html
    /// </summary>
    public static string Teams(AlertMessage message) => Write(new JsonObject
    {
        ["type"] = "message",
        ["attachments"] = new JsonArray(new JsonObject
        {
            ["contentType"] = "application/vnd.microsoft.card.adaptive",
            ["contentUrl"] = null,
            ["content"] = new JsonObject
            {
                ["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json",
                ["type"] = "AdaptiveCard",
                ["version"] = "1.4",
                ["fallbackText"] = message.Title,
                ["body"] = new JsonArray(
                [
                    Run(
                        message.Title, new JsonObject { ["weight"] = "Bolder", ["size"] = "Medium", ["color"] = Colour(message.Check.Status) }),
                    Run(message.Text, []),
                    .. message.Facts.Select(fact => Run(
                        $"{fact.Key}: {fact.Value}", new JsonObject { ["isSubtle"] = true, ["size"] = "Small" })),
                ]),
            },
        }),
    });

    /// <summary>
    /// PagerDuty's Events API v2. The key is the same from the trigger to the resolve, whoever sends them.
    /// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
    /// </summary>
    public static string PagerDuty(AlertMessage message, string routingKey)
    {
        var isOver = message.Event == AlertEvent.Recovered || message.Check.Status == CheckStatus.Healthy;
        var occurrence = new JsonObject
        {
            ["routing_key"] = routingKey,
            ["event_action"] = isOver ? "resolve" : "trigger",
            ["dedup_key"] = Key(message.Key),
        };
        if (!isOver)
        {
            occurrence["client"] = "Linkage";
            occurrence["payload"] = new JsonObject
            {
                ["summary"] = AlertMessage.Clip($"{message.Title}. {message.Text}", LongestSummary),
                ["source"] = message.Source,
                ["severity"] = message.Check.Status == CheckStatus.Critical ? "critical" : "warning",
                ["timestamp"] = message.CheckedAt.ToString("O"),
                ["component"] = message.Name,
                ["group"] = message.Database,
                ["class"] = message.Check.Check,
                ["custom_details"] = new JsonObject(
                    message.Facts.Select(fact => KeyValuePair.Create(fact.Key, (JsonNode?)fact.Value))
                        .Append(new("Message", message.Text))),
            };
        }

        return Write(occurrence);
    }

    /// <summary>Any other receiver; docs/health.md explains the properties.</summary>
    public static string Webhook(AlertMessage message) => Write(new JsonObject
    {
        ["version"] = 1,
        ["event"] = message.Event.ToString(),
        ["title"] = message.Title,
        ["server"] = message.Server,
        ["port"] = message.Port,
        ["database"] = message.Database,
        ["check"] = message.Check.Check,
        ["subject"] = message.Check.Subject,
        ["status"] = message.Check.Status.ToString(),
        ["previousStatus"] = message.Previous.ToString(),
        ["value"] = Number(message.Check.Value),
        ["threshold"] = Number(message.Check.Threshold),
        ["message"] = message.Text,
        ["checkedAt"] = message.CheckedAt,
        ["since"] = message.Since,
        ["durationSeconds"] = message.Duration is { } duration ? (long)duration.TotalSeconds : null,
        ["key"] = message.Key,
    });

    // In mrkdwn these three begin everything that is not text: mentions, channels, links.
    private static string Mrkdwn(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var next = rune.Value switch { '&' => "&amp;", '<' => "&lt;", '>' => "&gt;", _ => rune.ToString() };
            if (escaped.Length + next.Length > LongestSlackText)
                return escaped.Append('…').ToString();
            escaped.Append(next);
        }

        return escaped.ToString();
    }

    private static JsonObject Run(string text, JsonObject run)
    {
        run["type"] = "TextRun";
        run["text"] = text;
        return new JsonObject { ["type"] = "RichTextBlock", ["inlines"] = new JsonArray(run) };
    }

    private static string Colour(CheckStatus status) => status switch
    {
        CheckStatus.Critical => "Attention",
        CheckStatus.Healthy => "Good",
        _ => "Warning",
    };

    private static string Key(string key) => key.Length <= LongestKey
        ? key
        : $"linkage/{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(key)))}";

    // JSON has no infinity.
    private static double? Number(double? value) => value is { } number && double.IsFinite(number) ? number : null;

    private static string Write(JsonObject payload) => payload.ToJsonString(_readable);
}
