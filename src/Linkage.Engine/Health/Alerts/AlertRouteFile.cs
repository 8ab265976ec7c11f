using System.Net.Mail;
using System.Text.Json;
using System.Text.Json.Nodes;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>
/// Reads channels and routes from what a file holds, and finds everything that is wrong with it at once. Entries are named in any case.
/// A secret is
/// a text, <c>{ "Env": "NAME" }</c> for a variable of the environment, or <c>{ "Secret": "name" }</c> for one that the caller gives.
/// </summary>
public sealed class AlertRouteFile
{
    private static readonly Uri _pagerDuty = new("https://events.pagerduty.com/v2/enqueue");

    private static readonly Dictionary<string, string[]> _entries = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Slack"] = ["Type", "Url"],
        ["Teams"] = ["Type", "Url"],
        ["Webhook"] = ["Type", "Url", "Headers"],
        ["PagerDuty"] = ["Type", "RoutingKey", "Url"],
        [EmailAlertChannel.Kind] = ["Type", "Server", "Port", "Tls", "User", "Password", "From", "To"],
    };

    private readonly List<string> _problems = [];
    private readonly SecretMask _secrets = new();
    private readonly HttpClient _client = HttpAlertChannel.CreateClient();
    private readonly IReadOnlyDictionary<string, string> _given;
    private readonly Func<string, string?> _environment;
    private readonly TimeProvider _time;

    private AlertRouteFile(IReadOnlyDictionary<string, string> given, Func<string, string?> environment, TimeProvider time)
    {
        _given = given;
        _environment = environment;
        _time = time;
    }

    /// <summary>Reads a table of channels and routes.</summary>
    /// <param name="file">The file, as errors name it.</param>
    /// <param name="json">What it holds.</param>
    /// <param name="secrets">The secrets that the caller gives, by name.</param>
    /// <param name="environment">Reads the environment.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="LinkageException">Something is wrong with it: all that is, entry by entry.</exception>
    public static AlertRoutes Read(
        string file, string json, IReadOnlyDictionary<string, string> secrets, Func<string, string?> environment, TimeProvider time)
    {
        var reader = new AlertRouteFile(secrets, environment, time);
        JsonNode? root;
        try
        {
            root = JsonNode.Parse(
                json, new JsonNodeOptions { PropertyNameCaseInsensitive = true },
                new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException)
        {
            throw Unusable(file, [$"it is no JSON: {fault.Message}"]);
        }

        var routes = reader.Read(root);
        return reader._problems.Count == 0 ? routes! : throw Unusable(file, reader._problems);
    }

    /// <summary>One channel that gets everything, named after its kind and a digest of its address: two are not the same.</summary>
    /// <param name="type">Slack, Teams, Webhook or PagerDuty.</param>
    /// <param name="address">Where to; null for the usual address of PagerDuty.</param>
    /// <param name="routingKey">PagerDuty's.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="LinkageException">The address is none, or the key is missing.</exception>
    public static AlertRoutes OneChannel(string type, string? address, string? routingKey, TimeProvider time)
    {
        var reader = new AlertRouteFile(new Dictionary<string, string>(), _ => null, time);
        var entry = new JsonObject(new JsonNodeOptions { PropertyNameCaseInsensitive = true }) { ["Type"] = type };
        if (address is not null)
            entry["Url"] = address;
        if (routingKey is not null)
            entry["RoutingKey"] = routingKey;
        var channel = reader.Channel(type, entry);
        if (channel is null || reader._problems.Count > 0)
        {
            // There is no file: the parameters are what is wrong.
            throw Unusable(null, [.. reader._problems.Select(problem => problem
                .Replace($"Channels.{type}.Url", "-WebhookUri", StringComparison.Ordinal)
                .Replace($"Channels.{type}.RoutingKey", "-RoutingKey", StringComparison.Ordinal))]);
        }

        var digest = Convert.ToHexString(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{address} {routingKey}")));
        var name = $"{type}-{digest[..8].ToLowerInvariant()}";
        return new AlertRoutes(
            new Dictionary<string, IAlertChannel> { [name] = channel }, [new AlertRoute(["*"], CheckStatus.Warning, [name], [])],
            reader._secrets, reader._client);
    }

    private static LinkageException Unusable(string? file, IReadOnlyList<string> problems) => new(
        "Linkage.AlertRoute.Unusable", FaultKind.InvalidInput,
        string.Join(Environment.NewLine, problems.Select(problem => file is null ? problem : $"{file}: {problem}")));

    private AlertRoutes? Read(JsonNode? root)
    {
        if (Table(root, "the file", ["Channels", "Routes"]) is not { } table)
            return null;
        var channels = new Dictionary<string, IAlertChannel>(StringComparer.OrdinalIgnoreCase);
        var named = table["Channels"] as JsonObject;
        if (named is null || named.Count == 0)
            Problem("Channels", "it has to hold at least one channel, such as Slack = @{ Url = @{ Env = 'SLACK_URL' } }");
        foreach (var (name, entry) in named ?? [])
        {
            if (Channel(name, entry) is { } channel)
                channels.Add(name, channel);
        }

        List<AlertRoute>? routes = null;
        if (table["Routes"] is { } listed)
            routes = [.. Items(listed).Select((entry, place) => Route($"Routes[{place}]", entry, named)).OfType<AlertRoute>()];
        return _problems.Count == 0 ? new AlertRoutes(channels, routes, _secrets, _client) : null;
    }

    private IAlertChannel? Channel(string name, JsonNode? entry)
    {
        var at = $"Channels.{name}";
        var type = entry is JsonObject typed ? Text(typed, "Type", at) ?? name : name;
        var kind = _entries.Keys.FirstOrDefault(known => known.Equals(type, StringComparison.OrdinalIgnoreCase));
        if (kind is null)
        {
            var isNamed = entry is JsonObject given && given.ContainsKey("Type");
            var wrong = isNamed ? $"'{type}' is no type; it is" : "a channel of this name needs one, that is";
            Problem($"{at}.Type", $"{wrong} one of {string.Join(", ", _entries.Keys)}");
            return null;
        }

        if (Table(entry, at, _entries[kind]) is not { } table)
            return null;
        if (kind == EmailAlertChannel.Kind)
            return Email(table, at);
        var address = table.ContainsKey("Url") || kind != "PagerDuty" ? Address(table, at) : _pagerDuty;
        var headers = Headers(table["Headers"], $"{at}.Headers");
        var key = kind == "PagerDuty" ? Secret(table, "RoutingKey", at, isRequired: true) : null;
        if (address is null || (kind == "PagerDuty" && key is null))
            return null;
        return new HttpAlertChannel(
            kind, address, headers,
            kind switch
            {
                "Slack" => (message, _) => AlertPayloads.Slack(message),
                "Teams" => (message, _) => AlertPayloads.Teams(message),
                "PagerDuty" => (message, isSent) => AlertPayloads.PagerDuty(message, isSent ? key! : SecretMask.Mask),
                _ => (message, _) => AlertPayloads.Webhook(message),
            },
            _client, _time);
    }

    private EmailAlertChannel? Email(JsonObject table, string at)
    {
        const int Submission = 587;
        const int ImplicitTls = 465;
        var server = Text(table, "Server", at);
        if (server is null)
            Problem($"{at}.Server", "it is missing: the name of the mail server");
        var port = Number(table, "Port", at) ?? Submission;
        if (port == ImplicitTls)
            Problem($"{at}.Port", "465 is for TLS from the first byte, which is not supported: "
                + "use the server's port for STARTTLS, 587 most often");
        else if (port is < 1 or > 65535)
            Problem($"{at}.Port", $"{port} is no port: it is between 1 and 65535");
        var useTls = Flag(table, "Tls", at) ?? true;
        var user = Text(table, "User", at);
        var password = Secret(table, "Password", at, isRequired: user is not null);
        if (user is not null && !useTls && server is not null && !IsLoopback(server))
            Problem($"{at}.Tls", "without it the password would cross the network in the clear: leave Tls out, or User and Password");
        var from = Text(table, "From", at);
        if (from is null)
            Problem($"{at}.From", "it is missing: the address of the sender");
        var sender = from is null ? null : Mail(from, $"{at}.From");
        var to = Recipients(table["To"], $"{at}.To");
        if (to.Count == 0)
            Problem($"{at}.To", "it is missing: the addresses of who is told");
        return server is null || sender is null 
            ? null
            : new EmailAlertChannel(new EmailSettings(server, port, useTls, user, password, sender, to));
    }

    private AlertRoute? Route(string at, JsonNode? entry, JsonObject? channels)
    {
        if (Table(entry, at, ["Condition", "Severity", "Channel", "To"]) is not { } table)
            return null;
        var conditions = Texts(table["Condition"], $"{at}.Condition");
        if (conditions.Count == 0)
            Problem($"{at}.Condition", "it is missing: the name of a check, such as GhostUsers or Delivery*");
        var severity = Text(table, "Severity", at) ?? nameof(CheckStatus.Warning);
        var floor = severity.Equals(nameof(CheckStatus.Critical), StringComparison.OrdinalIgnoreCase)
            ? CheckStatus.Critical
            : CheckStatus.Warning;
        if (!severity.Equals(floor.ToString(), StringComparison.OrdinalIgnoreCase))
            Problem($"{at}.Severity", $"'{severity}' is none: it is Warning, for whatever is not healthy, or Critical");
        var names = Texts(table["Channel"], $"{at}.Channel");
        if (names.Count == 0)
            Problem($"{at}.Channel", "it is missing: the name of a channel");
        var known = channels?.Select(channel => channel.Key).ToList() ?? [];
        List<string> wanted = [];
        foreach (var name in names)
        {
            if (known.Find(channel => channel.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } channel)
                wanted.Add(channel);
            else
                Problem($"{at}.Channel", $"there is no '{name}' among Channels ({string.Join(", ", known)})");
        }

        return new AlertRoute(conditions, floor, wanted, Recipients(table["To"], $"{at}.To"));
    }

    private Uri? Address(JsonObject table, string at)
    {
        if (Secret(table, "Url", at, isRequired: true) is not { } text)
            return null;
        if (Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "https" or "http")
        {
            _secrets.Add(address);
            return address;
        }

        Problem($"{at}.Url", "it is no address that begins with https:// or http://");
        return null;
    }

    private Dictionary<string, string> Headers(JsonNode? entry, string at)
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

    private string? Secret(JsonObject table, string name, string at, bool isRequired)
    {
        var (value, problem) = table[name] switch
        {
            null => (null, isRequired ? "it is missing" : null),
            JsonValue text when text.TryGetValue<string>(out var plain) => (plain, null),
            JsonObject { Count: 1 } source when source["Env"] is JsonValue variable && variable.TryGetValue<string>(out var env) =>
                (_environment(env), $"the variable {env} is not set in the environment"),
            JsonObject { Count: 1 } source when source["Secret"] is JsonValue key && key.TryGetValue<string>(out var given) =>
                (_given.GetValueOrDefault(given), $"there is no secret '{given}' among those given by -Secret"),
            _ => (null, "it is neither a text, nor @{ Env = 'NAME' }, nor @{ Secret = 'name' }"),
        };
        if (string.IsNullOrWhiteSpace(value))
        {
            if (problem is not null || table[name] is not null)
                Problem($"{at}.{name}", problem ?? "it is empty");
            return null;
        }

        _secrets.Add(value);
        return value;
    }

    private JsonObject? Table(JsonNode? entry, string at, string[] known)
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

    private List<string> Recipients(JsonNode? entry, string at)
    {
        var recipients = Texts(entry, at);
        recipients.ForEach(recipient => Mail(recipient, at));
        return recipients;
    }

    // One address and nothing else: neither a second one, nor a line of a header.
    private MailAddress? Mail(string text, string at)
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

    private List<string> Texts(JsonNode? entry, string at)
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

    private string? Text(JsonObject table, string name, string at)
    {
        if (table[name] is not { } entry)
            return null;
        if (entry is JsonValue value && value.TryGetValue<string>(out var text) && !string.IsNullOrWhiteSpace(text))
            return text;
        Problem($"{at}.{name}", "it has to be a text");
        return null;
    }

    private int? Number(JsonObject table, string name, string at)
    {
        if (table[name] is not { } entry)
            return null;
        if (entry is JsonValue value && value.TryGetValue<int>(out var number))
            return number;
        Problem($"{at}.{name}", "it has to be a whole number");
        return null;
    }

    private bool? Flag(JsonObject table, string name, string at)
    {
        if (table[name] is not { } entry)
            return null;
        if (entry is JsonValue value && value.TryGetValue<bool>(out var flag))
            return flag;
        Problem($"{at}.{name}", "it has to be $true or $false");
        return null;
    }

    private static List<JsonNode?> Items(JsonNode? entry) => entry switch
    {
        null => [],
        JsonArray list => [.. list],
        _ => [entry],
    };

    private static bool IsLoopback(string server) =>
        server.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (System.Net.IPAddress.TryParse(server, out var address) && System.Net.IPAddress.IsLoopback(address));

    private void Problem(string entry, string text) => _problems.Add($"{entry}: {text}.");
}
