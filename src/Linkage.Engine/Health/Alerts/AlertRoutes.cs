using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>A channel that a check goes to.</summary>
internal sealed record AlertTarget(string Name, IAlertChannel Channel, CheckStatus Floor, IReadOnlyList<string> Recipients);

/// <summary>Channels, and who is told of what on which of them. <see cref="AlertRouteFile"/> reads them from a file.</summary>
public sealed class AlertRoutes : IDisposable
{
    private static readonly string[] _chats = ["Slack", "Teams", "Webhook"];

    private readonly IReadOnlyDictionary<string, IAlertChannel> _channels;
    private readonly IReadOnlyList<AlertRoute> _routes;
    private readonly bool _areUsual;
    private readonly HttpClient _client;

    /// <summary>Takes channels by name, and routes; without any the usual ones.</summary>
    internal AlertRoutes(
        IReadOnlyDictionary<string, IAlertChannel> channels, IReadOnlyList<AlertRoute>? routes, SecretMask secrets, HttpClient client)
    {
        _channels = channels;
        _areUsual = routes is null;
        _routes = routes ?? AlertRoute.Usual;
        _client = client;
        Secrets = secrets;
    }

    /// <summary>What the usual routes name and nobody has configured, in sentences.</summary>
    public IReadOnlyList<string> Warnings =>
    [
        .. from kind in _areUsual ? _routes.SelectMany(route => route.Channels).Distinct() : []
           where !OfKind(kind).Any()
           let checks = _routes.Where(route => route.Channels.Contains(kind)).SelectMany(route => route.Conditions).Distinct().Except(["*"])
           select $"No channel of type {kind} is configured, to which the usual routes send {string.Join(", ", checks)}. "
               + "Add one to Channels, or a table of Routes of your own.",
    ];

    internal SecretMask Secrets { get; }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>Where a check goes, each channel once: the lowest of the floors of its routes, and all their recipients.</summary>
    internal IReadOnlyList<AlertTarget> For(string check) =>
    [
        .. from route in _routes
           where route.Takes(check)
           from name in route.Channels.SelectMany(Resolve)
           group route by name into routes
           select new AlertTarget(
               routes.Key, _channels[routes.Key], routes.Min(route => route.Floor),
               // none of them named: those of the channel
               [.. routes.SelectMany(route => route.Recipients).Distinct()]),
    ];

    private IEnumerable<string> Resolve(string channel) => _areUsual ? OfKind(channel) : [channel];

    private IEnumerable<string> OfKind(string kind) =>
        _channels.Where(channel => channel.Value.Type == kind || (kind == "Slack" && _chats.Contains(channel.Value.Type)))
            .Select(channel => channel.Key);
}
