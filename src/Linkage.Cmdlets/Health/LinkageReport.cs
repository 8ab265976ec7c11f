using Linkage.Cmdlets.Database;
using Linkage.Engine.Checks;
using Linkage.Engine.Health.Reports;

namespace Linkage.Cmdlets.Health;

/// <summary>What a report says of one database, and where it stands. Times are UTC.</summary>
public sealed class LinkageReport
{
    internal LinkageReport(LinkageConnection connection, DatabaseReport report, ReportOptions options)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Status = report.Status.ToString();
        Critical = report.Count(CheckStatus.Critical);
        Warning = report.Count(CheckStatus.Warning);
        Healthy = report.Count(CheckStatus.Healthy);
        Unknown = report.Count(CheckStatus.Unknown);
        Since = options.Since;
        Until = options.Until;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that was read.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The gravest status of its checks; Unknown if it could not be read.</summary>
    public string Status { get; }

    /// <summary>How many checks are critical.</summary>
    public int Critical { get; }

    /// <summary>How many are a warning.</summary>
    public int Warning { get; }

    /// <summary>How many are healthy.</summary>
    public int Healthy { get; }

    /// <summary>How many could not be made.</summary>
    public int Unknown { get; }

    /// <summary>Where its period begins.</summary>
    public DateTime Since { get; }

    /// <summary>Where its period ends.</summary>
    public DateTime Until { get; }

    /// <summary>The file, which may tell of several databases; null where none was written.</summary>
    public string? Path { get; internal init; }

    /// <summary>How many bytes it has, or would have.</summary>
    public long? Length { get; internal init; }
}
