using System.Runtime.CompilerServices;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;

namespace Linkage.Engine.Health.Alerts;

/// <summary>What a channel is about to be told of a record.</summary>
/// <param name="Channel">The channel's name.</param>
/// <param name="Event">What.</param>
/// <param name="Title">The news in one line.</param>
/// <param name="Payload">What would be sent, without secrets; null if nothing is.</param>
/// <param name="Reason">Why nothing is sent; null if something is.</param>
public sealed record AlertPlan(string Channel, AlertEvent Event, string Title, string? Payload, string? Reason)
{
    internal AlertTarget Target { get; init; } = null!;

    /// <summary>The database could not be asked what the channel knows.</summary>
    internal bool IsBlind { get; init; }
}

/// <summary>What became of it.</summary>
/// <param name="Channel">The channel's name.</param>
/// <param name="Event">What it was told, or Suppressed or Failed.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="SentAt">When it arrived; UTC, null if it did not.</param>
/// <param name="Reason">Why nothing was sent, or why it failed; null if all is well.</param>
/// <param name="Problem">What has to be told as an error; null if nothing has.</param>
public sealed record AlertOutcome(
    string Channel, AlertEvent Event, int Attempts, DateTime? SentAt, string? Reason, LinkageException? Problem);

/// <summary>
/// Tells channels of what checks found, when something has changed. What channels know is kept in the database that was checked, so a
/// restart changes nothing. Who dies between sending and noting it may tell it twice, and never loses it.
/// </summary>
/// <param name="routes">Who is told of what.</param>
/// <param name="options">When, and how long to try.</param>
/// <param name="time">The clock.</param>
/// <param name="waiting">Told what it waits for.</param>
public sealed class AlertSender(AlertRoutes routes, AlertOptions options, TimeProvider time, Action<string>? waiting = null)
{
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(200);

    private readonly Guid _sender = Guid.NewGuid();
    private readonly HashSet<string> _failing = [];

    /// <summary>Whether any route takes the check.</summary>
    public bool Takes(CheckResult check)
    {
        ArgumentNullException.ThrowIfNull(check);
        return routes.For(check.Check).Count > 0;
    }

    /// <summary>
    /// What there is to tell of a record, channel by channel, by what they know now. Writes nothing. If the database is out of reach,
    /// what is not healthy is told regardless.
    /// </summary>
    /// <exception cref="LinkageException">Linkage, or its component Health, is not installed.</exception>
    public async IAsyncEnumerable<AlertPlan> PlanAsync(
        LinkageDatabase database, CheckResult check, DateTime checkedAt, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(check);
        var targets = routes.For(check.Check);
        if (targets.Count == 0)
            yield break;
        var states = await FindAsync(database, check, targets, cancellation);
        foreach (var target in targets)
        {
            var state = states?.GetValueOrDefault(target.Name) ?? AlertState.None;
            var decision = Decide(state, check, checkedAt, target);
            if (decision.Event is not { } what)
                continue;
            var message = Message(database, check, checkedAt, state, decision);
            var payload = what == AlertEvent.Suppressed ? null : routes.Secrets.Hide(target.Channel.Preview(message, target.Recipients));
            yield return new AlertPlan(target.Name, what, message.Title, payload, decision.Reason)
            {
                Target = target,
                IsBlind = states is null,
            };
        }
    }

    /// <summary>Does it. What the channel knows is asked again: somebody else may have told it meanwhile.</summary>
    /// <exception cref="LinkageException">The role lacks a privilege, for instance.</exception>
    public async Task<AlertOutcome> SendAsync(
        LinkageDatabase database, CheckResult check, DateTime checkedAt, AlertPlan plan, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var target = plan.Target;
        if (plan.IsBlind)
            return await SendBlindAsync(database, check, checkedAt, target, cancellation);
        var states = new AlertStates(database, _sender);
        var (state, decision) = await ClaimAsync(states, check, checkedAt, target, cancellation);
        if (decision.Event is null or AlertEvent.Suppressed)
            return new AlertOutcome(target.Name, AlertEvent.Suppressed, 0, null, decision.Reason ?? "Somebody else has told it.", null);

        AlertDelivery delivery;
        try
        {
            delivery = await DeliverAsync(
                Message(database, check, checkedAt, state, decision), target,
                pause => TryNoteAsync(() => states.ExtendAsync(check, target.Name, pause + options.Lease)), cancellation);
        }
        catch (OperationCanceledException)
        {
            await TryNoteAsync(() => states.FailedAsync(check, target.Name, "It was cut short.", 1, time.GetUtcNow().UtcDateTime));
            throw;
        }

        var now = time.GetUtcNow().UtcDateTime;
        var isNoted = await TryNoteAsync(() => delivery.HasArrived
            ? states.ToldAsync(check, target.Name, decision.Event.Value, now)
            : states.FailedAsync(check, target.Name, delivery.Problem!, delivery.Attempts, now));
        var outcome = Outcome(database, check, target, decision.Event.Value, delivery, now);
        return isNoted ? outcome : NotNoted(outcome, database, check);
    }

    // What could not be noted is told once more by the next call; there is nothing else to do about it.
    private static async Task<bool> TryNoteAsync(Func<Task> note)
    {
        try
        {
            await note();
            return true;
        }
        catch (Exception fault) when (IsOutOfReach(fault))
        {
            return false;
        }
    }

    private static bool IsOutOfReach(Exception fault) => DatabaseException.From(fault)?.Kind is FaultKind.Connection or FaultKind.Timeout;

    private async Task<(AlertState State, AlertDecision Decision)> ClaimAsync(
        AlertStates states, CheckResult check, DateTime checkedAt, AlertTarget target, CancellationToken cancellation)
    {
        while (true)
        {
            var claimed = await states.ClaimAsync(
                check, checkedAt, target.Name, state => Decide(state, check, checkedAt, target), options.Lease, cancellation);
            if (claimed is { } mine)
                return mine;
            // Somebody else is at it. Whether that arrives, and what is left to say then, is not known before.
            waiting?.Invoke($"Another process tells {target.Name} of {check.Check} at the moment; waiting for it.");
            await Task.Delay(_look, time, cancellation);
        }
    }

    // Nobody knows what the channel knows, and the database that is out of reach may be the very news.
    private async Task<AlertOutcome> SendBlindAsync(
        LinkageDatabase database, CheckResult check, DateTime checkedAt, AlertTarget target, CancellationToken cancellation)
    {
        var decision = Decide(AlertState.None, check, checkedAt, target);
        var delivery = await DeliverAsync(
            Message(database, check, checkedAt, AlertState.None, decision), target, _ => Task.CompletedTask, cancellation);
        return NotNoted(Outcome(database, check, target, AlertEvent.Fired, delivery, time.GetUtcNow().UtcDateTime), database, check);
    }

    private static AlertOutcome NotNoted(AlertOutcome outcome, LinkageDatabase database, CheckResult check) => outcome with
    {
        Problem = outcome.Problem ?? new LinkageException(
            "Linkage.Alert.NotNoted", FaultKind.Connection,
            $"{outcome.Channel} was told that {check.Check} is {check.Status}, "
            + $"and that could not be noted, since {Where(database)} is out of reach: "
            + "it may be told again.")
        {
            Subject = outcome.Channel,
        },
    };

    private async Task<AlertDelivery> DeliverAsync(
        AlertMessage message, AlertTarget target, Func<TimeSpan, Task> pausing, CancellationToken cancellation)
    {
        // A receiver that is down is not waited for with each record anew.
        var retries = _failing.Contains(target.Name) ? 0 : options.MaximumRetryCount;
        var delivery = await AlertDelivery.SendAsync(
            target.Channel, message, target.Recipients, options, retries, pausing, time, cancellation);
        if (delivery.HasArrived)
            _failing.Remove(target.Name);
        else
            _failing.Add(target.Name);
        return delivery with { Problem = delivery.Problem is { } problem ? routes.Secrets.Hide(AlertMessage.OneLine(problem)) : null };
    }

    private async Task<Dictionary<string, AlertState>?> FindAsync(
        LinkageDatabase database, CheckResult check, IReadOnlyList<AlertTarget> targets, CancellationToken cancellation)
    {
        try
        {
            return await new AlertStates(database, _sender).FindAsync(check, targets.Select(target => target.Name), cancellation);
        }
        catch (Exception fault) when (IsOutOfReach(fault))
        {
            return null;
        }
    }

    private AlertDecision Decide(AlertState state, CheckResult check, DateTime checkedAt, AlertTarget target) =>
        AlertDecision.Decide(state, check.Status, checkedAt, target.Floor, options, time.GetUtcNow().UtcDateTime);

    private static AlertOutcome Outcome(
        LinkageDatabase database, CheckResult check, AlertTarget target, AlertEvent what, AlertDelivery delivery, DateTime now) => new(
            target.Name, delivery.HasArrived ? what : AlertEvent.Failed, delivery.Attempts, delivery.HasArrived ? now : null,
            delivery.Problem,
            delivery.Problem is null ? null : new LinkageException(
                delivery.HasArrived ? "Linkage.Alert.PartlyDelivered" : "Linkage.Alert.NotDelivered", FaultKind.Connection,
                delivery.HasArrived
                    ? $"{target.Name} was not told in full that {check.Check} is {check.Status} ({Where(database)}): {delivery.Problem}."
                    : $"{target.Name} could not be told that {check.Check} is {check.Status} "
                        + $"({Where(database)}; attempts: {delivery.Attempts}): "
                        + $"{delivery.Problem.TrimEnd('.')}. It is kept as undelivered; the next Send-LinkageAlert tries again.")
            {
                Subject = target.Name,
            });

    private static string Where(LinkageDatabase database) => $"{database.Server}:{database.Port}/{database.Database}";

    private static AlertMessage Message(
        LinkageDatabase database, CheckResult check, DateTime checkedAt, AlertState state, AlertDecision decision) => new()
        {
            Event = decision.Event!.Value,
            Server = database.Server,
            Port = database.Port,
            Database = database.Database,
            Check = check,
            CheckedAt = checkedAt,
            Previous = state.Told,
            Since = decision.TroubledSince,
            WasUndelivered = state.Told == CheckStatus.Healthy,
        };
}
