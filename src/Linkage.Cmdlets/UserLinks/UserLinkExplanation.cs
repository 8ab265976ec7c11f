using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What one rule looked at, and why it stopped there or passed on.</summary>
public sealed class UserLinkExplanation
{
    internal UserLinkExplanation(UserLinkResolution resolution, RuleFinding finding)
    {
        Server = resolution.Server;
        Database = resolution.Database;
        ConnectionId = resolution.ConnectionId;
        DeliveryId = resolution.DeliveryId;
        EventId = resolution.EventId;
        Phone = resolution.Phone;
        NormalizedPhone = resolution.NormalizedPhone;
        Outcome = resolution.Outcome;
        Reason = resolution.Reason;
        UserId = resolution.UserId;
        Step = finding.Step;
        Rule = finding.Rule;
        LookedAt = finding.LookedAt;
        Decides = finding.Decides;
        Finding = finding.Finding;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was asked.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The delivery that was asked about; null where an event and a phone were.</summary>
    public string? DeliveryId { get; }

    /// <summary>The event.</summary>
    public string? EventId { get; }

    /// <summary>The phone as it was given or stands in the record.</summary>
    public string? Phone { get; }

    /// <summary>The phone in E.164; null where it is none.</summary>
    public string? NormalizedPhone { get; }

    /// <summary>The outcome of all rules: linked, no_match, ambiguous or skipped.</summary>
    public string Outcome { get; }

    /// <summary>Why it is not linked.</summary>
    public string? Reason { get; }

    /// <summary>The user that it comes to.</summary>
    public string? UserId { get; }

    /// <summary>The rule's place in the order: 1, 2 or 3.</summary>
    public int Step { get; }

    /// <summary>guest, event phone or user phone.</summary>
    public string Rule { get; }

    /// <summary>How many rows it found.</summary>
    public long LookedAt { get; }

    /// <summary>Whether the outcome is this rule's.</summary>
    public bool Decides { get; }

    /// <summary>In words.</summary>
    public string Finding { get; }
}
