using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Checks;

namespace Linkage.Cmdlets.Health;

/// <summary>What one check found, the same record for every <c>Test-</c> cmdlet.</summary>
public sealed class LinkageCheck
{
    internal LinkageCheck(LinkageConnection connection, CheckResult result, params string[] standIns)
    {
        Result = result;
        StandIns = standIns;
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Check = result.Check;
        Status = result.Status.ToString();
        Value = result.Value;
        Threshold = result.Threshold;
        Message = result.Message;
        foreach (var (name, value) in result.Details)
            Details.Properties.Add(new PSNoteProperty(name, value));
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was checked.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The check's name, the same every time.</summary>
    public string Check { get; }

    /// <summary>Healthy, Warning, Critical or Unknown.</summary>
    public string Status { get; }

    /// <summary>What was measured, in the check's own unit; null where nothing could be.</summary>
    public double? Value { get; }

    /// <summary>The limit that decided, in the same unit; null where there is none.</summary>
    public double? Threshold { get; }

    /// <summary>In a sentence, with the remedy.</summary>
    public string Message { get; }

    /// <summary>When it was checked; UTC.</summary>
    public DateTime CheckedAt { get; } = DateTime.UtcNow;

    /// <summary>What else was measured, as properties.</summary>
    public PSObject Details { get; } = new();

    /// <summary>The same as the engine knows it.</summary>
    internal CheckResult Result { get; }

    /// <summary>Checks that its cmdlet emits instead of all others where it can't make them: none of them was needed.</summary>
    internal string[] StandIns { get; }
}
