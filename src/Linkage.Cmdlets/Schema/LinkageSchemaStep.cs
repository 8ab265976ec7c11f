using Linkage.Cmdlets.Database;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>One step of installing Linkage's objects in a database.</summary>
public sealed class LinkageSchemaStep
{
    internal LinkageSchemaStep(LinkageConnection connection, SchemaStep step, string status)
        : this(connection, step.Component, status)
    {
        Step = step.Name;
        Kind = step.Kind.ToString();
        Replaces = step.IsNeeded ? string.Join("; ", step.Replaces) : string.Empty;
        Message = string.Join("; ", step.Notes);
    }

    internal LinkageSchemaStep(LinkageConnection connection, string component, string status)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Component = component;
        Status = status;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>What the step belongs to.</summary>
    public string Component { get; }

    /// <summary>The script's name; for a rebuild the index.</summary>
    public string Step { get; } = string.Empty;

    /// <summary>
    /// Versioned (tables), Repeatable (functions), Trigger, Index, Rebuild or Validation; empty for a component as a whole.
    /// </summary>
    public string Kind { get; } = string.Empty;

    /// <summary>Applied, UpToDate, WouldApply (under -WhatIf), or NotApplicable: the database lacks the tables that the component works on.</summary>
    public string Status { get; }

    /// <summary>What of the application's it replaces, and keeps for Uninstall-LinkageSchema.</summary>
    public string Replaces { get; } = string.Empty;

    /// <summary>What else a reviewer should know: privileges that are revoked, owners that change, indexes that stay.</summary>
    public string Message { get; internal init; } = string.Empty;

    /// <summary>The connection that it was done on.</summary>
    public Guid ConnectionId { get; }
}
