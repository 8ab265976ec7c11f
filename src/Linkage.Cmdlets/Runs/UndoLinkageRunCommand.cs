using System.Management.Automation;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Puts back what a run changed, of whatever kind it was.</summary>
[Cmdlet(VerbsCommon.Undo, "LinkageRun", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(LinkageUndoResult))]
public sealed class UndoLinkageRunCommand : UndoCmdlet
{
    /// <summary>The run.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public Guid? RunId { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => UndoRun(
        RunId,
        (database, runId, options, progress, stop) => new RunUndo(database).UndoAsync(runId, AllowRelink, options, progress, stop));
}
