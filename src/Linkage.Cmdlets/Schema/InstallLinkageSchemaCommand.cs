using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>Installs or upgrades Linkage's objects in a database, adopting what stands there already.</summary>
[Cmdlet(VerbsLifecycle.Install, "LinkageSchema", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageSchemaStep), typeof(string))]
public sealed class InstallLinkageSchemaCommand : DatabaseCmdlet
{
    private const int ActivityId = 1;

    /// <summary>The components to install; all that fit the database without it. What is installed already is always upgraded along.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ComponentCompleter))]
    public string[] Component { get; set; } = [];

    /// <summary>The schema of the application's tables; public, or the one that was installed for, without it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Schema { get; set; }

    /// <summary>Emit the SQL for psql instead of running it.</summary>
    [Parameter]
    public SwitchParameter AsScript { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(InstallAsync);

    private async Task InstallAsync(LinkageConnection connection, CancellationToken cancellation)
    {
        var installer = new SchemaInstaller(connection.Engine, Schema);
        var plan = await installer.PlanAsync(Component, cancellation);
        if (AsScript)
        {
            Emit(await installer.ScriptAsync(plan, cancellation));
            return;
        }

        var approval = plan.IsNeeded
            ? await ApproveAsync($"schema {plan.ApplicationSchema} on {connection}", $"Install {plan.Steps.Count(s => s.IsNeeded)} steps of Linkage's schema")
            : Approval.Given;
        if (approval == Approval.Declined)
            return;
        foreach (var (component, reason) in plan.Omitted)
            Emit(new LinkageSchemaStep(connection, component, "NotApplicable") { Message = reason });
        if (approval == Approval.WhatIf)
        {
            foreach (var step in plan.Steps)
                Emit(new LinkageSchemaStep(connection, step, step.IsNeeded ? "WouldApply" : "UpToDate"));
            return;
        }

        var done = 0;
        void Show(string status) => Report(new ProgressRecord(ActivityId, $"Installing Linkage's schema on {connection}", status)
        {
            PercentComplete = done * 100 / plan.Steps.Count,
        });

        Show("Tables and functions");
        await installer.ApplyAsync(
            plan,
            step =>
            {
                done++;
                Emit(new LinkageSchemaStep(connection, step, step.IsNeeded ? "Applied" : "UpToDate"));
                Show($"{step.Component}/{step.Name}");
            },
            reason =>
            {
                EmitVerbose(reason);
                Show(reason);
            },
            cancellation);
    }
}
