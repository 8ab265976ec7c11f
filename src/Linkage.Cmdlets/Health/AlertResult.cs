using Linkage.Cmdlets.Database;
using Linkage.Engine.Checks;
using Linkage.Engine.Health.Alerts;

namespace Linkage.Cmdlets.Health;

/// <summary>What a channel was told of a check, and whether that arrived.</summary>
public sealed class AlertResult
{
    private AlertResult(LinkageConnection connection, CheckResult check, string channel, AlertEvent what)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Check = check.Check;
        Subject = check.Subject;
        Channel = channel;
        Status = check.Status.ToString();
        Event = what.ToString();
    }

    internal AlertResult(LinkageConnection connection, CheckResult check, AlertPlan plan)
        : this(connection, check, plan.Channel, plan.Event)
    {
        Reason = plan.Reason;
        Payload = plan.Payload;
    }

    internal AlertResult(LinkageConnection connection, CheckResult check, AlertOutcome outcome)
        : this(connection, check, outcome.Channel, outcome.Event)
    {
        Attempts = outcome.Attempts;
        SentAt = outcome.SentAt;
        Reason = outcome.Reason;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was checked.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The check's name.</summary>
    public string Check { get; }

    /// <summary>What it is about, a table say, where one cmdlet makes the same check for several things; else empty.</summary>
    public string Subject { get; }

    /// <summary>The channel's name.</summary>
    public string Channel { get; }

    /// <summary>How the check came out.</summary>
    public string Status { get; }

    /// <summary>Fired, Changed, Repeated, Recovered, Suppressed or Failed.</summary>
    public string Event { get; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; }

    /// <summary>When it arrived; UTC, null if it did not.</summary>
    public DateTime? SentAt { get; }

    /// <summary>Why nothing was sent, or why it failed; null if all is well.</summary>
    public string? Reason { get; }

    /// <summary>Under <c>-WhatIf</c> what would be sent, without secrets; else null.</summary>
    public string? Payload { get; }
}
