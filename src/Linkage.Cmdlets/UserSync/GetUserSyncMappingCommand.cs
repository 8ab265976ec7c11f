using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Lists the columns of the profiles, and where each of them comes from.</summary>
[Cmdlet(VerbsCommon.Get, "UserSyncMapping")]
[OutputType(typeof(UserSyncMapping))]
public sealed class GetUserSyncMappingCommand : DatabaseCmdlet
{
    /// <summary>Only these columns of the profiles, wildcards allowed.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Column { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var wanted = Column?.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
        foreach (var column in await new ProfileMappings(connection.Engine).FindAsync(cancellation))
        {
            if (wanted?.Exists(pattern => pattern.IsMatch(column.Name)) != false)
                Emit(new UserSyncMapping(connection, column));
        }
    });
}
