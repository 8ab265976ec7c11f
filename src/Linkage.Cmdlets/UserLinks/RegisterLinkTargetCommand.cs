using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Makes a table one whose records get a user, and installs its triggers.</summary>
[Cmdlet(VerbsLifecycle.Register, "LinkTarget", SupportsShouldProcess = true)]
[OutputType(typeof(LinkTarget))]
public sealed class RegisterLinkTargetCommand : DatabaseCmdlet
{
    private const int ActivityId = 1;

    /// <summary>The table, in SQL notation.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Table { get; set; } = string.Empty;

    /// <summary>The columns of its primary key, or of another unique key without nulls; the primary key without it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? KeyColumn { get; set; }

    /// <summary>The column with the phone.</summary>
    [Parameter(Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string PhoneColumn { get; set; } = string.Empty;

    /// <summary>The column to fill in.</summary>
    [Parameter(Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string UserColumn { get; set; } = string.Empty;

    /// <summary>The column with the guest, through whom the event is known.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? GuestColumn { get; set; }

    /// <summary>The column with the event.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? EventColumn { get; set; }

    /// <summary>What to call it, also in the audit; the table's name without it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>Replace what is registered under that name.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(RegisterAsync);

    private async Task RegisterAsync(LinkageConnection connection, CancellationToken cancellation)
    {
        var targets = new LinkTargets(connection.Engine);
        var definition = new LinkTargetDefinition(Table, PhoneColumn, UserColumn)
        {
            KeyColumns = KeyColumn,
            GuestColumn = GuestColumn,
            EventColumn = EventColumn,
            Name = Name,
            Replaces = Force,
        };
        var registration = await targets.PlanAsync(definition, cancellation);
        var approval = await ApproveAsync(
            $"table {registration.Target.Table} on {connection}", $"Register as link target {registration.Target.Name}, and install its triggers");
        if (approval == Approval.Declined)
            return;
        if (approval == Approval.Given)
        {
            registration = await targets.RegisterAsync(
                definition,
                reason =>
                {
                    EmitVerbose(reason);
                    Report(new ProgressRecord(ActivityId, $"Registering {Table} on {connection}", reason));
                },
                cancellation);
        }

        foreach (var warning in registration.Warnings)
            EmitWarning(warning);
        Emit(new LinkTarget(connection, registration.Target, registration.Change));
    }
}
