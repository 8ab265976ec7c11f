using System.Globalization;
using System.Management.Automation;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Takes links to users back: those of a run, or all since a time, triggers' too.</summary>
[Cmdlet(VerbsCommon.Undo, "UserLink", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, DefaultParameterSetName = ByRun)]
[OutputType(typeof(LinkageUndoResult))]
public sealed class UndoUserLinkCommand : UndoCmdlet
{
    private const string ByRun = "Run";
    private const string ByTime = "Since";

    /// <summary>The run that linked.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByRun, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public Guid? RunId { get; set; }

    /// <summary>What was linked then or later is taken back: a date, or a time that counts back from now.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByTime)]
    [PointInTime]
    public DateTime Since { get; set; }

    /// <summary>The targets, each by its name or its table in SQL notation.</summary>
    [Parameter(ParameterSetName = ByTime)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = ["message_deliveries"];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == ByRun)
        {
            UndoRun(
                RunId,
                (database, runId, options, progress, stop) =>
                    new UserLinkUndo(database).UndoAsync(runId, AllowRelink, options, progress, stop));
            return;
        }

        foreach (var table in Table)
            UndoSince(table);
    }

    private void UndoSince(string table)
    {
        UndoTable(table);
        var what = string.Create(CultureInfo.InvariantCulture, $"every link in {table} since {Since:yyyy-MM-dd HH:mm:ss} UTC");
        RunOnEach((connection, cancellation) => RunOneAsync(
            connection, what, "Undo",
            (database, options, progress, stop) =>
                new UserLinkUndo(database).RunSinceAsync(Since, table, AllowRelink, options, progress, stop),
            cancellation));
    }
}
