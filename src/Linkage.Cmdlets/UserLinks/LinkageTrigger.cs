using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>A trigger that keeps records linked, and whether it is at work.</summary>
public sealed class LinkageTrigger
{
    internal LinkageTrigger(LinkageConnection connection, LinkTrigger found, string? how)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Target = found.Target;
        Table = found.Table;
        Trigger = found.Name;
        State = found.State;
        How = how;
        Message = found switch
        {
            { State: "Missing" } => "Install-LinkageSchema creates it.",
            { State: "SwitchedOff", MayAlter: false } =>
                $"Its function does nothing; the trigger itself could be disabled only by role {found.Owner}, which owns the table.",
            { State: "SwitchedOff" } => "Its function does nothing.",
            { State: "Disabled" or "ReplicaOnly", MayAlter: false } => $"Only role {found.Owner}, which owns the table, may enable it.",
            _ => null,
        };
        SwitchedOffBy = found.SwitchedOffBy;
        SwitchedOffAt = found.SwitchedOffAt;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The target whose records it links; null for the trigger on guests, which serves all targets.</summary>
    public string? Target { get; }

    /// <summary>Its table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>Its name.</summary>
    public string Trigger { get; }

    /// <summary>Enabled, Always (in replicas too), Disabled, ReplicaOnly, SwitchedOff or Missing.</summary>
    public string State { get; }

    /// <summary>What keeps it off, or what was used to change it: Trigger, Switch or both; null if nothing was.</summary>
    public string? How { get; }

    /// <summary>What else there is to know; null if nothing is.</summary>
    public string? Message { get; }

    /// <summary>The role that used the switch.</summary>
    public string? SwitchedOffBy { get; }

    /// <summary>When it did; UTC.</summary>
    public DateTime? SwitchedOffAt { get; }
}
