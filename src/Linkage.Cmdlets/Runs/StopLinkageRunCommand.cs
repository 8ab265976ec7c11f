using System.Management.Automation;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Ends a run that another session works on, after the batches under way.</summary>
[Cmdlet(VerbsLifecycle.Stop, "LinkageRun", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageRun))]
public sealed class StopLinkageRunCommand : RunRequestCmdlet
{
    private protected override string Action => "Stop";

    private protected override string Request => "stop";

    private protected override Task<RunRecord> RequestAsync(RunControl control, Guid runId, CancellationToken cancellation) =>
        control.StopAsync(runId, Timeout, cancellation);

    private protected override bool IsPending(RunRecord run) => run.Status is "running" or "suspended";
}
