using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists deliveries whose user is somebody else's by what is known now, and why.</summary>
[Cmdlet(VerbsCommon.Get, "WrongUserLink")]
[OutputType(typeof(WrongUserLink))]
public sealed class GetWrongUserLinkCommand : DatabaseCmdlet
{
    /// <summary>The targets, each by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = ["message_deliveries"];

    /// <summary>Only those with such a reason among theirs, wildcards allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Reason { get; set; }

    /// <summary>At most so many of each table, on each connection.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var table in Table)
            RunOnEach((connection, cancellation) => ListAsync(connection, table, cancellation));
    }

    private async Task ListAsync(LinkageConnection connection, string table, CancellationToken cancellation)
    {
        var patterns = Reason?.Select(reason => WildcardPattern.Get(reason, WildcardOptions.IgnoreCase)).ToList();
        long left = First ?? long.MaxValue;
        await foreach (var found in new WrongUserLinks(connection.Engine).FindAsync(table, cancellation))
        {
            if (patterns?.Exists(pattern => Array.Exists(found.Reasons, pattern.IsMatch)) == false)
                continue;
            Emit(new WrongUserLink(connection, found));
            if (--left == 0)
                return;
        }
    }
}
