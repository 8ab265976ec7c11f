using System.Management.Automation;
using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>The base of the cmdlets that list deliveries, each with the reasons why it is listed.</summary>
public abstract class DeliveryListCmdlet : DatabaseCmdlet
{
    /// <summary>The targets, each by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = ["message_deliveries"];

    /// <summary>Only those with such a reason, wildcards allowed.</summary>
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

    /// <summary>Lists the deliveries of a table, by <see cref="EmitAsync"/>.</summary>
    private protected abstract Task ListAsync(LinkageConnection connection, string table, CancellationToken cancellation);

    /// <summary>Emits the deliveries that are wanted, as they are found.</summary>
    /// <param name="deliveries">All of them; no more are read than are wanted.</param>
    /// <param name="reasons">A delivery's reasons; one that is wanted is enough.</param>
    /// <param name="record">What is emitted of it.</param>
    private protected async Task EmitAsync<T>(IAsyncEnumerable<T> deliveries, Func<T, string[]> reasons, Func<T, object> record)
    {
        var patterns = Reason?.Select(reason => WildcardPattern.Get(reason, WildcardOptions.IgnoreCase)).ToList();
        long left = First ?? long.MaxValue;
        await foreach (var found in deliveries)
        {
            if (patterns?.Exists(pattern => Array.Exists(reasons(found), pattern.IsMatch)) == false)
                continue;
            Emit(record(found));
            if (--left == 0)
                return;
        }
    }
}
