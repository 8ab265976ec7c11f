using System.Collections;
using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Checks;
using Linkage.Engine.Health.Alerts;

namespace Linkage.Cmdlets.Health;

/// <summary>Tells people of what checks found, when something has changed.</summary>
[Cmdlet(VerbsCommunications.Send, "LinkageAlert", SupportsShouldProcess = true, DefaultParameterSetName = ByRoutes)]
[OutputType(typeof(AlertResult))]
public sealed class SendLinkageAlertCommand : PipedCheckCmdlet
{
    private const string ByRoutes = "Routes";
    private const string ByWebhook = "Webhook";

    private readonly HashSet<(LinkageConnection, string)> _standIns = [];
    private AlertRoutes? _routes;
    private AlertSender? _sender;

    /// <summary>The file of channels and routes: PowerShell data (.psd1) or JSON (.json).</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByRoutes)]
    [ValidateNotNullOrEmpty]
    public string RoutePath { get; set; } = string.Empty;

    /// <summary>Secrets that the file refers to by name.</summary>
    [Parameter(ParameterSetName = ByRoutes)]
    public Hashtable? Secret { get; set; }

    /// <summary>One channel's address, without a file: it gets everything.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByWebhook)]
    public AlertSecret WebhookUri { get; set; } = null!;

    /// <summary>What stands behind the address.</summary>
    [Parameter(ParameterSetName = ByWebhook)]
    [ValidateSet("Slack", "Teams", "Webhook", "PagerDuty")]
    public string Channel { get; set; } = "Webhook";

    /// <summary>The integration key of a service of PagerDuty.</summary>
    [Parameter(ParameterSetName = ByWebhook)]
    public AlertSecret? RoutingKey { get; set; }

    /// <summary>Send regardless of what the channels know, healthy checks too.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>After how long what is critical is said again.</summary>
    [Parameter]
    [Duration(Positive = true, MaxSeconds = 50 * 365 * 24 * 60 * 60)]
    public TimeSpan RepeatAfter { get; set; } = TimeSpan.FromHours(4);

    /// <summary>How long one attempt may take, in seconds.</summary>
    [Parameter]
    [ValidateRange(1, 300)]
    public int TimeoutSec { get; set; } = 10;

    /// <summary>How often a message is tried again.</summary>
    [Parameter]
    [ValidateRange(0, 20)]
    public int MaximumRetryCount { get; set; } = 3;

    /// <summary>How long to wait before the second attempt, in seconds: between half of it and all of it. It doubles with each.</summary>
    [Parameter]
    [ValidateRange(0, 60)]
    public int RetryIntervalSec { get; set; } = 1;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        SecretLine.Redact(MyInvocation, WebhookUri?.Value);
        SecretLine.Redact(MyInvocation, RoutingKey?.Value);
        try
        {
            _routes = ParameterSetName == ByWebhook
                ? AlertRouteFile.OneChannel(Channel, WebhookUri!.Value, RoutingKey?.Value, TimeProvider.System)
                : AlertRouteReader.Read(GetUnresolvedProviderPathFromPSPath(RoutePath), Secret);
        }
        catch (Exception fault) when (fault is LinkageException or IOException or UnauthorizedAccessException)
        {
            ThrowTerminatingError(ErrorRecords.From(fault, ParameterSetName == ByWebhook ? Channel : RoutePath));
        }

        foreach (var warning in _routes!.Warnings)
            WriteWarning(warning);
        _sender = new AlertSender(
            _routes,
            new AlertOptions
            {
                Force = Force,
                RepeatAfter = RepeatAfter,
                Timeout = TimeSpan.FromSeconds(TimeoutSec),
                MaximumRetryCount = MaximumRetryCount,
                RetryInterval = TimeSpan.FromSeconds(RetryIntervalSec),
            },
            TimeProvider.System,
            EmitVerbose);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var check = InputObject;
        RunOnEach(async (connection, cancellation) =>
        {
            foreach (var standIn in check.StandIns.Where(name => name != check.Check && _standIns.Add((connection, name))))
                await TellAsync(connection, Made(standIn), check.CheckedAt, isStandIn: true, cancellation);
            await TellAsync(connection, check.Result, check.CheckedAt, isStandIn: false, cancellation);
        });
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _routes?.Dispose();
        base.Dispose(disposing);
    }

    // That checks could not be made is over as soon as one of them is.
    private static CheckResult Made(string standIn) => new(
        standIn, CheckStatus.Healthy, null, null, "The checks can be made again.", new Dictionary<string, object?>());

    private async Task TellAsync(
        LinkageConnection connection, CheckResult check, DateTime checkedAt, bool isStandIn, CancellationToken cancellation)
    {
        // A rule whose table is not there is nobody's trouble.
        if (check.Status == CheckStatus.Unknown && check.Details.GetValueOrDefault("State") is "Absent")
            return;
        if (check.Status != CheckStatus.Healthy && !_sender!.Takes(check))
            EmitWarning($"{check.Check} is {check.Status} ({connection}), and no route takes it.");
        await foreach (var plan in _sender!.PlanAsync(connection.Engine, check, checkedAt, cancellation))
        {
            if (isStandIn && plan.Event != AlertEvent.Recovered)
                continue;
            if (plan.Event == AlertEvent.Suppressed)
            {
                Emit(new AlertResult(connection, check, plan));
                continue;
            }

            var approval = await ApproveAsync(
                $"{plan.Channel} for {connection}", $"{plan.Event}: {plan.Title}{Environment.NewLine}{plan.Payload}{Environment.NewLine}");
            if (approval == Approval.WhatIf)
                Emit(new AlertResult(connection, check, plan));
            else if (approval == Approval.Given)
                await SendAsync(connection, check, checkedAt, plan, cancellation);
        }
    }

    private async Task SendAsync(
        LinkageConnection connection, CheckResult check, DateTime checkedAt, AlertPlan plan, CancellationToken cancellation)
    {
        var outcome = await _sender!.SendAsync(connection.Engine, check, checkedAt, plan, cancellation);
        Emit(new AlertResult(connection, check, outcome));
        if (outcome.Problem is { } problem)
            EmitError(problem, outcome.Channel);
    }
}
