using System.Net.Mail;
using System.Text.Json.Nodes;

namespace Linkage.Engine.Health.Alerts;

/// <summary>
/// Reads single entries of a file of channels and routes. What is wrong with one is kept, entry by entry; it is then taken as if it were
/// not there.
/// </summary>
/// <param name="given">The secrets that the caller gives, by name.</param>
/// <param name="environment">Reads the environment.</param>
internal sealed class AlertRouteEntries(IReadOnlyDictionary<string, string> given, Func<string, string?> environment)
{
    private readonly List<string> _problems = [];

    /// <summary>What is wrong, each with the entry that it is about.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>The secrets that were read.</summary>
    public SecretMask Secrets { get; } = new();

    /// <summary>Keeps what is wrong with an entry.</summary>
    public void Problem(string entry, string text) => _problems.Add($"{entry}: {text}.");

    /// <summary>The address at Url: http or https.</summary>
    public Uri? Address(JsonObject table, string at)
    {
        if (Secret(table, "Url", at, isRequired: true) is not { } text)
            return null;
        if (Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "https" or "http")
        {
            Secrets.Add(address);
            return address;
        }

        Problem($"{at}.Url", "it is no address that begins with https:// or http://");
        return null;
    }

    /// <summary>The headers of a request; none if there is no entry.</summary>
    public Dictionary<string, string> Headers(JsonNode? entry, string at)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (entry is null)
            return headers;
        if (entry is not JsonObject table)
        {
            Problem(at, "it is no table of names and values");
            return headers;
        }

        foreach (var name in table.Select(header => header.Key))
        {
            if (Secret(table, name, at, isRequired: true) is not { } value)
                continue;
            using var probe = new HttpRequestMessage();
            if (value.AsSpan().IndexOfAny('\r', '\n') >= 0 || !probe.Headers.TryAddWithoutValidation(name, value))
                Problem($"{at}.{name}", "it is no header that a request can have");
            headers[name] = value;
        }

        return headers;
    }

    /// <summary>A secret: as it stands, of the environment, or of those given.</summary>
    public string? Secret(JsonObject table, string name, string at, bool isRequired)
    {
        var (value, problem) = table[name] switch
        {
            null => (null, isRequired ? "it is missing" : null),
            JsonValue text when text.TryGetValue<string>(out var plain) => (plain, null),
            JsonObject { Count: 1 } source when source["Env"] is JsonValue variable && variable.TryGetValue<string>(out var env) =>
                (environment(env), $"the variable {env} is not set in the environment"),
            JsonObject { Count: 1 } source when source["Secret"] is JsonValue key && key.TryGetValue<string>(out var asked) =>
                (given.GetValueOrDefault(asked), $"there is no secret '{asked}' among those given by -Secret"),
            _ => (null, "it is neither a text, nor @{ Env = 'NAME' }, nor @{ Secret = 'name' }"),
        };
        if (string.IsNullOrWhiteSpace(value))
        {
            if (problem is not null || table[name] is not null)
                Problem($"{at}.{name}", problem ?? "it is empty");
            return null;
        }

        Secrets.Add(value);
        return value;
    }

    /// <summary>A table that holds nothing but what is known.</summary>
    public JsonObject? Table(JsonNode? entry, string at, string[] known)
    {
        if (entry is not JsonObject table)
        {
            Problem(at, $"it has to be a table with {string.Join(", ", known)}");
            return null;
        }

        foreach (var name in table.Select(item => item.Key).Where(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase)))
            Problem($"{at}.{name}", $"there is no such entry: it is one of {string.Join(", ", known)}");
        return table;
    }

    /// <summary>One mail address, or a list of them.</summary>
    public List<string> Recipients(JsonNode? entry, string at)
    {
        var recipients = Texts(entry, at);
        recipients.ForEach(recipient => Mail(recipient, at));
        return recipients;
    }

    /// <summary>One mail address and nothing else: neither a second one, nor a line of a header.</summary>
    public MailAddress? Mail(string text, string at)
    {
        try
        {
            if (!text.Any(char.IsControl) && new MailAddressCollection { text } is [var address])
                return address;
        }
        catch (FormatException)
        {
            // It is said below.
        }

        Problem(at, $"'{AlertMessage.OneLine(text)}' is no mail address");
        return null;
    }

    /// <summary>One text, or a list of them.</summary>
    public List<string> Texts(JsonNode? entry, string at)
    {
        List<string> texts = [];
        foreach (var item in Items(entry))
        {
            if (item is JsonValue value && value.TryGetValue<string>(out var text) && !string.IsNullOrWhiteSpace(text))
                texts.Add(text);
            else
                Problem(at, "it has to be a text, or a list of texts");
        }

        return texts;
    }

    /// <summary>A text; null if there is no entry.</summary>
    public string? Text(JsonObject table, string name, string at) =>
        Has<string>(table, name, at, "a text", out var text) ? text : null;

    /// <summary>A whole number; null if there is no entry.</summary>
    public int? Number(JsonObject table, string name, string at) =>
        Has<int>(table, name, at, "a whole number", out var number) ? number : null;

    /// <summary>Yes or no; null if there is no entry.</summary>
    public bool? Flag(JsonObject table, string name, string at) =>
        Has<bool>(table, name, at, "$true or $false", out var flag) ? flag : null;

    /// <summary>One entry, or a list of them.</summary>
    public static List<JsonNode?> Items(JsonNode? entry) => entry switch
    {
        null => [],
        JsonArray list => [.. list],
        _ => [entry],
    };

    private bool Has<T>(JsonObject table, string name, string at, string what, out T? found)
    {
        found = default;
        if (table[name] is not { } entry)
            return false;
        if (entry is JsonValue value && value.TryGetValue(out found) && !(found is string text && string.IsNullOrWhiteSpace(text)))
            return true;
        Problem($"{at}.{name}", $"it has to be {what}");
        return false;
    }
}
