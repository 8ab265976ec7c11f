using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>The base of the cmdlets that ask a run's session for something, and wait for some time until it is done.</summary>
public abstract class RunRequestCmdlet : RunControlCmdlet
{
    /// <summary>How long to wait until it is done; zero not to wait.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Asks for it, and returns the run as it is at most after the time.</summary>
    private protected abstract Task<RunRecord> RequestAsync(RunControl control, Guid runId, CancellationToken cancellation);

    /// <summary>Whether the run has not done yet what it was asked for.</summary>
    private protected abstract bool IsPending(RunRecord run);

    /// <summary>What the run was asked for, in the words of the warning.</summary>
    private protected abstract string Request { get; }

    private protected sealed override async Task<RunRecord> AskAsync(
        RunControl control, Guid runId, LinkageConnection connection, CancellationToken cancellation)
    {
        var run = await RequestAsync(control, runId, cancellation);
        if (IsPending(run) && Timeout > TimeSpan.Zero)
            EmitWarning($"Run {runId} on {connection} has been asked to {Request}, and has not done so yet; Get-LinkageRun tells when it has.");
        return run;
    }
}
