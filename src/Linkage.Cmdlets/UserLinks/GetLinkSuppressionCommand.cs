using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lists which records an undo keeps from being linked to which users again.</summary>
[Cmdlet(VerbsCommon.Get, "LinkSuppression")]
[OutputType(typeof(LinkSuppression))]
public sealed class GetLinkSuppressionCommand : DatabaseCmdlet
{
    /// <summary>The target, by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Table { get; set; }

    /// <summary>The record.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("DeliveryId")]
    [ValidateNotNullOrEmpty]
    public string? RecordId { get; set; }

    /// <summary>The user that records are kept from.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? UserId { get; set; }

    /// <summary>The undo that left them.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public Guid? RunId { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var filter = new LinkSuppressionFilter(Table, RecordId, UserId, RunId);
        await foreach (var suppression in new LinkSuppressions(connection.Engine).FindAsync(filter, cancellation))
            Emit(new LinkSuppression(connection, suppression));
    });
}
