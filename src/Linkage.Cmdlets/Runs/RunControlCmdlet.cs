using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>The base of the cmdlets that ask something of a run in whatever session it is, and emit it as it is then.</summary>
public abstract class RunControlCmdlet : RunsCmdlet
{
    /// <summary>The run.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public Guid? RunId { get; set; }

    /// <summary>What is about to be done.</summary>
    private protected abstract string Action { get; }

    /// <summary>Does it.</summary>
    private protected abstract Task<RunRecord> AskAsync(
        RunControl control, Guid runId, LinkageConnection connection, CancellationToken cancellation);

    /// <inheritdoc/>
    protected override void ProcessRecord() => ChangeRun(
        RunId, Action, (connection, run, cancellation) => AskAsync(new RunControl(connection.Engine), run.RunId, connection, cancellation));
}
