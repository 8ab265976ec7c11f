using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>The base of the cmdlets that ask something of a run in whatever session it is, and emit it as it is then.</summary>
public abstract class RunControlCmdlet : DatabaseCmdlet
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
    protected override void ProcessRecord()
    {
        if (RunId is not { } runId)
        {
            WriteError(RunText.NoRunId());
            return;
        }

        RunOnEach(async (connection, cancellation) =>
        {
            var run = await new RunLog(connection.Engine).GetAsync(runId, cancellation);
            var approval = await ApproveAsync($"{RunText.Describe(run)} on {connection}", Action);
            if (approval == Approval.Given)
                run = await AskAsync(new RunControl(connection.Engine), runId, connection, cancellation);
            if (approval != Approval.Declined)
                Emit(new LinkageRun(connection, run));
        });
    }
}
