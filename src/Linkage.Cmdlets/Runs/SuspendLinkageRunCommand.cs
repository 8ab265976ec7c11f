using System.Management.Automation;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Lets a run that another session works on stand still after the batches under way, until it is resumed.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "LinkageRun", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageRun))]
public sealed class SuspendLinkageRunCommand : RunRequestCmdlet
{
    private protected override string Action => "Suspend";

    private protected override string Request => "stand still";

    private protected override Task<RunRecord> RequestAsync(RunControl control, Guid runId, CancellationToken cancellation) =>
        control.SuspendAsync(runId, Timeout, cancellation);

    private protected override bool IsPending(RunRecord run) => run.Status == "running";
}
