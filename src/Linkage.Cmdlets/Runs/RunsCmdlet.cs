using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>The base of all cmdlets that work on runs: how one that is there already is found, asked about, changed and shown.</summary>
public abstract class RunsCmdlet : DatabaseCmdlet
{
    /// <summary>Does something with a run on each connection that is meant, and emits the run as it is then.</summary>
    /// <param name="runId">The run; an error is written where a piped record has none.</param>
    /// <param name="action">What is about to be done to it.</param>
    /// <param name="work">Does it, and returns the run as it is then.</param>
    private protected void ChangeRun(
        Guid? runId, string action, Func<LinkageConnection, RunRecord, CancellationToken, Task<RunRecord>> work)
    {
        if (runId is not { } wanted)
        {
            WriteError(RunText.NoRunId());
            return;
        }

        RunOnEach(async (connection, cancellation) =>
        {
            var run = await new RunLog(connection.Engine).GetAsync(wanted, cancellation);
            var approval = await ApproveAsync($"{RunText.Describe(run)} on {connection}", action);
            if (approval == Approval.Given)
                run = await work(connection, run, cancellation);
            if (approval != Approval.Declined)
                Emit(new LinkageRun(connection, run));
        });
    }
}
