using Linkage.Cmdlets.Database;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>A trigger of Linkage's on a table of the application, and whether it is at work.</summary>
public sealed class LinkageTrigger
{
    internal LinkageTrigger(LinkageConnection connection, OwnTrigger found, string? how)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Target = found.Target;
        Table = found.Table;
        Trigger = found.Name;
        State = found.State;
        How = how;
        Optional = found.IsOptional;
        Message = found switch
        {
            { State: "Missing" } => "Install-LinkageSchema creates it.",
            { State: "SwitchedOff", IsOptional: true } or { State: "Disabled", IsOptional: true, MayAlter: true } =>
                "It is optional; Enable-LinkageTrigger -Trigger enables it.",
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

    /// <summary>The link target that it serves; null for the triggers on guests, which serve all of them, and on accounts.</summary>
    public string? Target { get; }

    /// <summary>Its table, in SQL notation.</summary>
    public string Table { get; }

    /// <summary>Its name.</summary>
    public string Trigger { get; }

    /// <summary>Enabled, Always (in replicas too), Disabled, ReplicaOnly, SwitchedOff or Missing.</summary>
    public string State { get; }

    /// <summary>What keeps it off, or what was used to change it: Trigger, Switch or both; null if nothing was.</summary>
    public string? How { get; }

    /// <summary>Whether an install leaves it disabled, for whoever wants it to enable it.</summary>
    public bool Optional { get; }

    /// <summary>What else there is to know; null if nothing is.</summary>
    public string? Message { get; }

    /// <summary>The role that used the switch.</summary>
    public string? SwitchedOffBy { get; }

    /// <summary>When it did; UTC.</summary>
    public DateTime? SwitchedOffAt { get; }
}
