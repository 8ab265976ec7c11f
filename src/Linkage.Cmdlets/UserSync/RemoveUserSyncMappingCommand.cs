using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Forgets where a column of the profiles was said to come from; comparing the two tables decides again.</summary>
[Cmdlet(VerbsCommon.Remove, "UserSyncMapping", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(UserSyncMapping))]
public sealed class RemoveUserSyncMappingCommand : DatabaseCmdlet
{
    /// <summary>The columns of the profiles.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Column { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var column in Column)
            RunOnEach((connection, cancellation) => RemoveAsync(connection, column, cancellation));
    }

    private async Task RemoveAsync(LinkageConnection connection, string column, CancellationToken cancellation)
    {
        var mappings = new ProfileMappings(connection.Engine);
        if (!(await mappings.FindAsync(cancellation)).Any(known => known.Name == column && known.IsMapped))
        {
            EmitError(ErrorRecords.Create(
                "Linkage.ProfileMapping.NotFound", FaultKind.NotFound,
                $"Nothing was said of column {column} by Set-UserSyncMapping ({connection}).", column));
            return;
        }

        var planned = await mappings.PlanRemovalAsync(column, cancellation);
        var approval = await ApproveAsync($"mapping of column {column} on {connection}", "Remove");
        if (approval == Approval.Given)
            await mappings.UnmapAsync(column, EmitVerbose, cancellation);
        if (approval != Approval.Declined && planned is not null)
            Emit(new UserSyncMapping(connection, planned));
    }
}
