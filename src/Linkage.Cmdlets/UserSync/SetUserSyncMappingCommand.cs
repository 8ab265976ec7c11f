using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Says where a column of the profiles comes from, instead of what comparing the two tables finds.</summary>
[Cmdlet(VerbsCommon.Set, "UserSyncMapping", SupportsShouldProcess = true, DefaultParameterSetName = ByValue)]
[OutputType(typeof(UserSyncMapping))]
public sealed class SetUserSyncMappingCommand : DatabaseCmdlet
{
    private const string ByFrom = "From";
    private const string ByValue = "Value";
    private const string ByNone = "None";

    /// <summary>The column of the profiles.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Column { get; set; } = string.Empty;

    /// <summary>Columns of the account, or paths into its JSON; the first that has a value is taken.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ByFrom)]
    [ValidateNotNullOrEmpty]
    public string[] From { get; set; } = [];

    /// <summary>A constant, to take where none of the others has a value.</summary>
    [Parameter(ParameterSetName = ByFrom)]
    [Parameter(Mandatory = true, ParameterSetName = ByValue)]
    [ValidateNotNull]
    [AllowEmptyString]
    public string? Value { get; set; }

    /// <summary>Do not copy anything into the column: it gets its default.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByNone)]
    public SwitchParameter None { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var mappings = new ProfileMappings(connection.Engine);
        var planned = await mappings.PlanAsync(Column, From, Value, cancellation);
        var approval = await ApproveAsync($"column {Column} of the profiles on {connection}", $"Fill from {Describe()}");
        if (approval == Approval.Declined)
            return;
        var mapped = approval == Approval.WhatIf ? planned : await mappings.MapAsync(Column, From, Value, EmitVerbose, cancellation);
        Emit(new UserSyncMapping(connection, mapped));
    });

    private string Describe() => (From, Value) switch
    {
        ([], null) => "nothing",
        ([], _) => $"'{Value}'",
        (_, null) => string.Join(", ", From),
        _ => $"{string.Join(", ", From)}, else '{Value}'",
    };
}
