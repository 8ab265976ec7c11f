namespace Linkage.Engine.Health.Alerts;

/// <summary>A way to tell somebody.</summary>
internal interface IAlertChannel
{
    /// <summary>Its kind: Slack, Teams, Webhook, PagerDuty or Email.</summary>
    string Type { get; }

    /// <summary>What would be sent, without secrets.</summary>
    string Preview(AlertMessage message, IReadOnlyList<string> recipients);

    /// <summary>Tries once to send it.</summary>
    /// <exception cref="AlertChannelException">It did not arrive, or nobody knows.</exception>
    Task SendAsync(AlertMessage message, IReadOnlyList<string> recipients, CancellationToken cancellation);
}
