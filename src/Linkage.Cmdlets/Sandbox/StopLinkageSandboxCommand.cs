using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Sandbox;

/// <summary>Stops throwaway servers and removes their data: the named ones, or all of the session.</summary>
[Cmdlet(VerbsLifecycle.Stop, "LinkageSandbox", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopLinkageSandboxCommand : LinkageCmdlet
{
    /// <summary>The sandboxes to remove.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public LinkageSandbox[]? Sandbox { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var session = RunspaceConnections.Current;
        var sandboxes = Sandbox ?? [.. session.All.OfType<LinkageSandbox>()];
        Run(async _ =>
        {
            foreach (var sandbox in sandboxes)
            {
                if (await ShouldProcessAsync(sandbox.ToString(), "Stop the sandbox and remove its data"))
                    await session.CloseAsync(sandbox);
            }
        });
    }
}
