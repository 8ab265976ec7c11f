using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Health.Reports;

namespace Linkage.Cmdlets.Health;

/// <summary>Writes one self-contained HTML file: how things stand, what became of them over time, and what is to be done.</summary>
[Cmdlet(VerbsData.Export, "LinkageReport", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageReport))]
public sealed class ExportLinkageReportCommand : DatabaseCmdlet
{
    private readonly List<LinkageConnection> _connections = [];

    /// <summary>The file. One that is there is replaced.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>Where the period begins: a date, or a time that counts back from now; 30 days before its end unless told otherwise.</summary>
    [Parameter]
    [Alias("Last")]
    [PointInTime]
    public DateTime? Since { get; set; }

    /// <summary>Where the period ends, itself not in it; now unless told otherwise.</summary>
    [Parameter]
    [PointInTime]
    public DateTime? Until { get; set; }

    /// <summary>How many rows a list shows at most.</summary>
    [Parameter]
    [ValidateRange(1, 10_000)]
    public int First { get; set; } = 25;

    /// <summary>Don't replace a file that is there.</summary>
    [Parameter]
    public SwitchParameter NoClobber { get; set; }

    /// <summary>Replace a file even if it is marked read-only.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        _connections.AddRange(CurrentConnections().Where(connection => !_connections.Contains(connection)));

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_connections.Count == 0)
            return;
        var path = FilePath();
        Run(async cancellation =>
        {
            var until = Until ?? DateTime.UtcNow;
            var options = new ReportOptions { Since = Since ?? until.AddDays(-30), Until = until, First = First };
            if (options.Until <= options.Since)
            {
                throw new LinkageException(
                    "Linkage.Report.EmptyPeriod", FaultKind.InvalidInput,
                    $"-Until ({options.Until:yyyy-MM-dd HH:mm} UTC) must be later than -Since ({options.Since:yyyy-MM-dd HH:mm} UTC).");
            }

            var file = new ReportFile(path);
            file.Require(!NoClobber, Force);
            var approval = await ApproveAsync($"{path}, on {string.Join(", ", _connections)}", "Write a report");
            if (approval != Approval.Declined)
                await ExportAsync(file, path, options, approval == Approval.WhatIf, cancellation);
        }, path);
    }

    private async Task ExportAsync(ReportFile file, string path, ReportOptions options, bool isPreview, CancellationToken cancellation)
    {
        List<DatabaseReport> reports = [];
        foreach (var connection in _connections)
            reports.Add(await ReadAsync(connection, options, cancellation));

        // A report of nothing at all would take the place of one that tells something.
        var content = reports.Exists(report => report.Problem is null) ? ReportFile.Render(reports, options) : null;
        if (content is not null && !isPreview)
            await file.WriteAsync(content, !NoClobber, Force, cancellation);
        foreach (var (connection, report) in _connections.Zip(reports))
        {
            Emit(new LinkageReport(connection, report, options)
            {
                Path = content is null || isPreview ? null : path,
                Length = content?.Length,
            });
        }
    }

    // One that can't be read is said so on the page too, so that nobody takes its absence for health.
    private async Task<DatabaseReport> ReadAsync(LinkageConnection connection, ReportOptions options, CancellationToken cancellation)
    {
        try
        {
            Report(new ProgressRecord(1, $"Reading {connection}", "Checks, trends, runs"));
            if (connection.IsClosed)
                throw Closed(connection);
            return await new ReportReader(connection.Engine, options).ReadAsync(cancellation);
        }
        catch (Exception fault) when (!cancellation.IsCancellationRequested)
        {
            var error = ErrorRecords.From(fault, connection.ToString());
            EmitError(error);
            return new DatabaseReport
            {
                Server = connection.Server,
                Port = connection.Port,
                Database = connection.Database,
                ReadAt = DateTime.UtcNow,
                Problem = error.Exception.Message,
            };
        }
    }

    private string FilePath()
    {
        var path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(Path, out var provider, out _);
        if (provider.Name != "FileSystem")
        {
            ThrowTerminatingError(ErrorRecords.Create(
                "Linkage.Report.UnusablePath", FaultKind.InvalidInput, $"{Path} is no place in the file system, but of {provider.Name}.", Path));
        }

        return path;
    }
}
