using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Lets records be linked again to users that an undo keeps them from.</summary>
[Cmdlet(VerbsCommon.Clear, "LinkSuppression", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(LinkSuppression))]
public sealed class ClearLinkSuppressionCommand : DatabaseCmdlet
{
    /// <summary>One transaction, one list of keys.</summary>
    private const int ChunkSize = 5000;

    private readonly List<(LinkageConnection Connection, LinkSuppressionFilter Filter)> _asked = [];

    /// <summary>The target, by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Table { get; set; }

    /// <summary>The record.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("DeliveryId")]
    [ValidateNotNullOrEmpty]
    public string? RecordId { get; set; }

    /// <summary>The user that records are kept from.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? UserId { get; set; }

    /// <summary>The undo that left them.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public Guid? RunId { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var filter = new LinkSuppressionFilter(Table, RecordId, UserId, RunId);
        if (filter == new LinkSuppressionFilter(null, null, null, null))
        {
            WriteError(ErrorRecords.Create(
                "Linkage.LinkSuppression.NoFilter", FaultKind.InvalidInput,
                "Say which suppressions to clear: by -Table, -RecordId, -UserId or -RunId, or pipe them in.", null));
            return;
        }

        _asked.AddRange(CurrentConnections().Select(connection => (connection, filter)));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (var group in _asked.GroupBy(asked => asked.Connection, asked => asked.Filter))
            RunOn([group.Key], (connection, cancellation) => ClearAsync(connection, [.. group], cancellation));
    }

    private async Task ClearAsync(LinkageConnection connection, List<LinkSuppressionFilter> asked, CancellationToken cancellation)
    {
        var suppressions = new LinkSuppressions(connection.Engine);
        var found = await FindAsync(suppressions, asked, cancellation);
        foreach (var table in found.GroupBy(suppression => suppression.Table))
        {
            var approval = await ApproveAsync($"{table.Count()} suppressions of {table.Key} on {connection}", "Let be linked again");
            if (approval == Approval.Declined)
                continue;
            foreach (var chunk in table.Chunk(ChunkSize))
            {
                IEnumerable<Engine.UserLinks.LinkSuppression> released = approval == Approval.WhatIf
                    ? chunk
                    : await suppressions.ReleaseAsync(chunk.Select(suppression => suppression.Key), cancellation);
                foreach (var suppression in released)
                    Emit(new LinkSuppression(connection, suppression));
            }
        }
    }

    /// <summary>What is asked for, each once. Piped suppressions are looked up as a list, the rest filter by filter.</summary>
    private async Task<IReadOnlyCollection<Engine.UserLinks.LinkSuppression>> FindAsync(
        LinkSuppressions suppressions, List<LinkSuppressionFilter> asked, CancellationToken cancellation)
    {
        var found = new Dictionary<LinkSuppressionKey, Engine.UserLinks.LinkSuppression>();
        var keys = asked.Where(filter => MyInvocation.ExpectingInput && KeyOf(filter) is not null).ToList();
        foreach (var chunk in keys.Chunk(ChunkSize))
        {
            foreach (var suppression in await suppressions.FindAsync(chunk.Select(filter => KeyOf(filter)!), cancellation))
                found.TryAdd(suppression.Key, suppression);
        }

        foreach (var filter in asked.Except(keys))
        {
            await foreach (var suppression in suppressions.FindAsync(filter, cancellation))
                found.TryAdd(suppression.Key, suppression);
        }

        return found.Values;
    }

    private static LinkSuppressionKey? KeyOf(LinkSuppressionFilter filter) =>
        filter is { Table: { } table, RecordId: { } record, UserId: { } user } ? new(table, record, user) : null;
}
