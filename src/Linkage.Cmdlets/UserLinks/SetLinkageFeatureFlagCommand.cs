using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Switches flags on or off, at once for triggers, SQL functions and cmdlets.</summary>
[Cmdlet(VerbsCommon.Set, "LinkageFeatureFlag", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageFeatureFlag))]
public sealed class SetLinkageFeatureFlagCommand : DatabaseCmdlet
{
    /// <summary>The flags.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Whether they are to be on.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    public bool Enabled { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var name in Name)
            RunOnEach((connection, cancellation) => SwitchAsync(connection, name, cancellation));
    }

    private async Task SwitchAsync(LinkageConnection connection, string name, CancellationToken cancellation)
    {
        var flags = new FeatureFlags(connection.Engine);
        var approval = await ApproveAsync($"flag {name} on {connection}", Enabled ? "Switch on" : "Switch off");
        if (approval == Approval.Declined)
            return;
        var flag = approval == Approval.WhatIf
            ? await flags.PreviewAsync(name, Enabled, cancellation)
            : await flags.SetAsync(name, Enabled, cancellation);
        Emit(new LinkageFeatureFlag(connection, flag));
    }
}
