using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Ends a run that another session works on, after the batches under way.</summary>
[Cmdlet(VerbsLifecycle.Stop, "LinkageRun", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageRun))]
public sealed class StopLinkageRunCommand : RunControlCmdlet
{
    /// <summary>How long to wait until it has ended; zero not to wait.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    private protected override string Action => "Stop";

    private protected override async Task<RunRecord> AskAsync(
        RunControl control, Guid runId, LinkageConnection connection, CancellationToken cancellation)
    {
        var run = await control.StopAsync(runId, Timeout, cancellation);
        if (run.Status is "running" or "suspended" && Timeout > TimeSpan.Zero)
            EmitWarning($"Run {runId} on {connection} has been asked to stop, and has not done so yet; Get-LinkageRun tells when it has.");
        return run;
    }
}
