using System.Text.Json.Nodes;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Linkage.Engine.Health.Alerts;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>A database, receivers, and a clock; senders that tell the receivers of checks.</summary>
internal sealed class AlertScene : IAsyncDisposable
{
    public const string Path = "/services/T0SECRETPATH/B0SECRETTOKEN";

    private readonly List<AlertRoutes> _routes = [];

    private AlertScene(LinkedDatabase database) => Database = database;

    public LinkedDatabase Database { get; }

    public HttpReceiver Http { get; } = new();

    public SmtpReceiver Smtp { get; } = new();

    public HurriedTime Time { get; } = new();

    public static async Task<AlertScene> CreateAsync() => new(await LinkedDatabase.CreateAsync());

    public static CheckResult Check(CheckStatus status, string name = "GhostUsers", string message = "Do something.", string? table = null) => new(
        name, status, status == CheckStatus.Unknown ? null : 2.5, 0, message,
        table is null ? new Dictionary<string, object?>() : new Dictionary<string, object?> { ["Table"] = table });

    /// <summary>A sender to one channel of a kind, or as a file says.</summary>
    public AlertSender Sender(string type = "Webhook", string? file = null, AlertOptions? options = null)
    {
        var routes = file is null
            ? AlertRouteFile.OneChannel(type, Http.Address + Path, type == "PagerDuty" ? "R0SECRETKEY" : null, Time)
            : AlertRouteFile.Read("routes.json", file, new Dictionary<string, string>(), _ => null, Time);
        _routes.Add(routes);
        return new AlertSender(routes, options ?? new AlertOptions(), Time);
    }

    /// <summary>What there is to tell, told; by another connection, if one is given.</summary>
    public async Task<IReadOnlyList<AlertOutcome>> TellAsync(
        AlertSender sender, CheckResult check, DateTime? checkedAt = null, LinkageDatabase? database = null)
    {
        List<AlertOutcome> outcomes = [];
        var engine = database ?? Database.Engine;
        var time = checkedAt ?? Time.Now;
        await foreach (var plan in sender.PlanAsync(engine, check, time, default))
        {
            outcomes.Add(plan.Event == AlertEvent.Suppressed
                ? new AlertOutcome(plan.Channel, plan.Event, 0, null, plan.Reason, null)
                : await sender.SendAsync(engine, check, time, plan, default));
        }

        return outcomes;
    }

    /// <summary>The same where there is one channel; null where there is nothing to tell.</summary>
    public async Task<AlertOutcome?> TellAsync(AlertSender sender, CheckStatus status) =>
        (await TellAsync(sender, Check(status))).SingleOrDefault();

    /// <summary>The JSON that arrived last.</summary>
    public JsonNode Last() => JsonNode.Parse(Http.Requests.Last().Body)!;

    public async ValueTask DisposeAsync()
    {
        _routes.ForEach(routes => routes.Dispose());
        await Http.DisposeAsync();
        await Smtp.DisposeAsync();
        await Database.DisposeAsync();
    }
}
