using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Says which rows of a table may not share a key, and who stays where some do.</summary>
[Cmdlet(VerbsLifecycle.Register, "UniqueKeyRule", SupportsShouldProcess = true)]
[OutputType(typeof(UniqueKeyRule))]
public sealed class RegisterUniqueKeyRuleCommand : DatabaseCmdlet
{
    /// <summary>The rule's name, and that of its index.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Rule")]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = string.Empty;

    /// <summary>The table, in SQL notation.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Table { get; set; } = string.Empty;

    /// <summary>What must be unique together: names of columns, or expressions in parentheses.</summary>
    [Parameter(Mandatory = true, Position = 2, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Key { get; set; } = [];

    /// <summary>Which rows the rule is for, as a condition in SQL; all without it.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Where { get; set; }

    /// <summary>Who of several stays, as items of ORDER BY; among equals, and without it, the oldest.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowEmptyCollection]
    public string[] Keep { get; set; } = [];

    /// <summary>What becomes of rows of other tables that clash once they refer to who stays.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateSet("KeepSurvivor", "KeepNewest", "Fail")]
    public string OnConflict { get; set; } = "KeepSurvivor";

    /// <summary>Two nulls are duplicates of each other.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public SwitchParameter NullsNotDistinct { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var request = new UniqueKeyRequest
        {
            Name = Name,
            Table = Table,
            Keys = Key,
            // PowerShell makes an empty text of a null.
            Predicate = string.IsNullOrWhiteSpace(Where) ? null : Where,
            // A listed rule says so in words.
            Keep = [.. Keep.Where(item => item != "oldest")],
            OnConflict = OnConflict,
            NullsDistinct = !NullsNotDistinct,
        };
        RunOnEach((connection, cancellation) => RegisterAsync(connection, request, cancellation));
    }

    private async Task RegisterAsync(LinkageConnection connection, UniqueKeyRequest request, CancellationToken cancellation)
    {
        var rules = new UniqueKeyRules(connection.Engine);
        var registration = await rules.PlanAsync(request, cancellation);
        var approval = await ApproveAsync(
            $"table {registration.Rule.Table} on {connection}", $"Register rule {registration.Rule.Name}");
        if (approval == Approval.Declined)
            return;
        if (approval == Approval.Given)
            registration = await rules.RegisterAsync(request, cancellation);
        Emit(new UniqueKeyRule(connection, registration.Rule, registration.Change));
    }
}
