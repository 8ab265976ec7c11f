using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Lets a run that another session works on stand still after the batches under way, until it is resumed.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "LinkageRun", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageRun))]
public sealed class SuspendLinkageRunCommand : RunControlCmdlet
{
    /// <summary>How long to wait until it stands still; zero not to wait.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    private protected override string Action => "Suspend";

    private protected override async Task<RunRecord> AskAsync(
        RunControl control, Guid runId, LinkageConnection connection, CancellationToken cancellation)
    {
        var run = await control.SuspendAsync(runId, Timeout, cancellation);
        if (run.Status == "running" && Timeout > TimeSpan.Zero)
            EmitWarning($"Run {runId} on {connection} has been asked to stand still, and does not yet; Get-LinkageRun tells when it does.");
        return run;
    }
}
