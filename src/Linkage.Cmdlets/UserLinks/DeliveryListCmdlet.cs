using System.Management.Automation;
using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>The base of the cmdlets that list deliveries, each with the reasons why it is listed.</summary>
public abstract class DeliveryListCmdlet : FindingCmdlet
{
    /// <summary>The targets, each by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = ["message_deliveries"];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var table in Table)
            RunOnEach((connection, cancellation) => ListAsync(connection, table, cancellation));
    }

    /// <summary>Lists the deliveries of a table, by <see cref="FindingCmdlet.EmitAsync"/>.</summary>
    private protected abstract Task ListAsync(LinkageConnection connection, string table, CancellationToken cancellation);
}
