using System.Text.Json;
using System.Text.Json.Nodes;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>
/// Reads channels and routes from what a file holds, and finds everything that is wrong with it at once. Entries are named in any case.
/// A secret is a text, <c>{ "Env": "NAME" }</c> for a variable of the environment, or <c>{ "Secret": "name" }</c> for one that the
/// caller gives.
/// </summary>
public sealed class AlertRouteFile
{
    private static readonly Uri _pagerDuty = new("https://events.pagerduty.com/v2/enqueue");

    private static readonly Dictionary<string, string[]> _kinds = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Slack"] = ["Type", "Url"],
        ["Teams"] = ["Type", "Url"],
        ["Webhook"] = ["Type", "Url", "Headers"],
        ["PagerDuty"] = ["Type", "RoutingKey", "Url"],
        [EmailAlertChannel.Kind] = ["Type", "Server", "Port", "Tls", "User", "Password", "From", "To"],
    };

    private readonly HttpClient _client = HttpAlertChannel.CreateClient();
    private readonly AlertRouteEntries _entries;
    private readonly TimeProvider _time;

    private AlertRouteFile(AlertRouteEntries entries, TimeProvider time)
    {
        _entries = entries;
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
        var reader = new AlertRouteFile(new AlertRouteEntries(secrets, environment), time);
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
        return reader._entries.Problems.Count == 0 ? routes! : throw Unusable(file, reader._entries.Problems);
    }

    /// <summary>One channel that gets everything, named after its kind and a digest of its address: two are not the same.</summary>
    /// <param name="type">Slack, Teams, Webhook or PagerDuty.</param>
    /// <param name="address">Where to; null for the usual address of PagerDuty.</param>
    /// <param name="routingKey">PagerDuty's.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="LinkageException">The address is none, or the key is missing.</exception>
    public static AlertRoutes OneChannel(string type, string? address, string? routingKey, TimeProvider time)
    {
        var reader = new AlertRouteFile(new AlertRouteEntries(new Dictionary<string, string>(), _ => null), time);
        var entry = new JsonObject(new JsonNodeOptions { PropertyNameCaseInsensitive = true }) { ["Type"] = type };
        if (address is not null)
            entry["Url"] = address;
        if (routingKey is not null)
            entry["RoutingKey"] = routingKey;
        var channel = reader.Channel(type, entry);
        if (channel is null || reader._entries.Problems.Count > 0)
        {
            // There is no file: the parameters are what is wrong.
            throw Unusable(null, [.. reader._entries.Problems.Select(problem => problem
                .Replace($"Channels.{type}.Url", "-WebhookUri", StringComparison.Ordinal)
                .Replace($"Channels.{type}.RoutingKey", "-RoutingKey", StringComparison.Ordinal))]);
        }

        var digest = Convert.ToHexString(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{address} {routingKey}")));
        var name = $"{type}-{digest[..8].ToLowerInvariant()}";
        return new AlertRoutes(
            new Dictionary<string, IAlertChannel> { [name] = channel }, [new AlertRoute(["*"], CheckStatus.Warning, [name], [])],
            reader._entries.Secrets, reader._client);
    }

    private static LinkageException Unusable(string? file, IReadOnlyList<string> problems) => new(
        "Linkage.AlertRoute.Unusable", FaultKind.InvalidInput,
        string.Join(Environment.NewLine, problems.Select(problem => file is null ? problem : $"{file}: {problem}")));

    private AlertRoutes? Read(JsonNode? root)
    {
        if (_entries.Table(root, "the file", ["Channels", "Routes"]) is not { } table)
            return null;
        var channels = new Dictionary<string, IAlertChannel>(StringComparer.OrdinalIgnoreCase);
        var named = table["Channels"] as JsonObject;
        if (named is null || named.Count == 0)
            _entries.Problem("Channels", "it has to hold at least one channel, such as Slack = @{ Url = @{ Env = 'SLACK_URL' } }");
        foreach (var (name, entry) in named ?? [])
        {
            if (Channel(name, entry) is { } channel)
                channels.Add(name, channel);
        }

        List<AlertRoute>? routes = null;
        if (table["Routes"] is { } listed)
            routes = [.. AlertRouteEntries.Items(listed).Select((entry, place) => Route($"Routes[{place}]", entry, named)).OfType<AlertRoute>()];
        return _entries.Problems.Count == 0 ? new AlertRoutes(channels, routes, _entries.Secrets, _client) : null;
    }

    private IAlertChannel? Channel(string name, JsonNode? entry)
    {
        var at = $"Channels.{name}";
        var type = entry is JsonObject typed ? _entries.Text(typed, "Type", at) ?? name : name;
        var kind = _kinds.Keys.FirstOrDefault(known => known.Equals(type, StringComparison.OrdinalIgnoreCase));
        if (kind is null)
        {
            var isNamed = entry is JsonObject given && given.ContainsKey("Type");
            var wrong = isNamed ? $"'{type}' is no type; it is" : "a channel of this name needs one, that is";
            _entries.Problem($"{at}.Type", $"{wrong} one of {string.Join(", ", _kinds.Keys)}");
            return null;
        }

        if (_entries.Table(entry, at, _kinds[kind]) is not { } table)
            return null;
        if (kind == EmailAlertChannel.Kind)
            return Email(table, at);
        var address = table.ContainsKey("Url") || kind != "PagerDuty" ? _entries.Address(table, at) : _pagerDuty;
        var headers = _entries.Headers(table["Headers"], $"{at}.Headers");
        var key = kind == "PagerDuty" ? _entries.Secret(table, "RoutingKey", at, isRequired: true) : null;
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
        var server = _entries.Text(table, "Server", at);
        if (server is null)
            _entries.Problem($"{at}.Server", "it is missing: the name of the mail server");
        var port = _entries.Number(table, "Port", at) ?? Submission;
        if (port == ImplicitTls)
            _entries.Problem($"{at}.Port", "465 is for TLS from the first byte, which is not supported: "
                + "use the server's port for STARTTLS, 587 most often");
        else if (port is < 1 or > 65535)
            _entries.Problem($"{at}.Port", $"{port} is no port: it is between 1 and 65535");
        var useTls = _entries.Flag(table, "Tls", at) ?? true;
        var user = _entries.Text(table, "User", at);
        var password = _entries.Secret(table, "Password", at, isRequired: user is not null);
        if (user is not null && !useTls && server is not null && !IsLoopback(server))
            _entries.Problem($"{at}.Tls", "without it the password would cross the network in the clear: leave Tls out, or User and Password");
        var from = _entries.Text(table, "From", at);
        if (from is null)
            _entries.Problem($"{at}.From", "it is missing: the address of the sender");
        var sender = from is null ? null : _entries.Mail(from, $"{at}.From");
        var to = _entries.Recipients(table["To"], $"{at}.To");
        if (to.Count == 0)
            _entries.Problem($"{at}.To", "it is missing: the addresses of who is told");
        return server is null || sender is null
            ? null
            : new EmailAlertChannel(new EmailSettings(server, port, useTls, user, password, sender, to));
    }

    private AlertRoute? Route(string at, JsonNode? entry, JsonObject? channels)
    {
        if (_entries.Table(entry, at, ["Condition", "Severity", "Channel", "To"]) is not { } table)
            return null;
        var conditions = _entries.Texts(table["Condition"], $"{at}.Condition");
        if (conditions.Count == 0)
            _entries.Problem($"{at}.Condition", "it is missing: the name of a check, such as GhostUsers or Delivery*");
        var severity = _entries.Text(table, "Severity", at) ?? nameof(CheckStatus.Warning);
        var floor = severity.Equals(nameof(CheckStatus.Critical), StringComparison.OrdinalIgnoreCase)
            ? CheckStatus.Critical
            : CheckStatus.Warning;
        if (!severity.Equals(floor.ToString(), StringComparison.OrdinalIgnoreCase))
            _entries.Problem($"{at}.Severity", $"'{severity}' is none: it is Warning, for whatever is not healthy, or Critical");
        var names = _entries.Texts(table["Channel"], $"{at}.Channel");
        if (names.Count == 0)
            _entries.Problem($"{at}.Channel", "it is missing: the name of a channel");
        var known = channels?.Select(channel => channel.Key).ToList() ?? [];
        List<string> wanted = [];
        foreach (var name in names)
        {
            if (known.Find(channel => channel.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } channel)
                wanted.Add(channel);
            else
                _entries.Problem($"{at}.Channel", $"there is no '{name}' among Channels ({string.Join(", ", known)})");
        }

        return new AlertRoute(conditions, floor, wanted, _entries.Recipients(table["To"], $"{at}.To"));
    }

    private static bool IsLoopback(string server) =>
        server.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (System.Net.IPAddress.TryParse(server, out var address) && System.Net.IPAddress.IsLoopback(address));
}
