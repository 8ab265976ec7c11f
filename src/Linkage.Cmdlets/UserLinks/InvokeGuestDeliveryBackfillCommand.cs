using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Cmdlets.Runs;
using Linkage.Engine;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Links the deliveries of guests to the guests' users: of one, or of all that are piped in, in one run per connection.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "GuestDeliveryBackfill", SupportsShouldProcess = true)]
[OutputType(typeof(UserLinkBackfillResult))]
public sealed class InvokeGuestDeliveryBackfillCommand : RunCmdlet
{
    private readonly Dictionary<LinkageConnection, List<GuestUser>> _guests = [];

    /// <summary>The guest.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string GuestId { get; set; } = string.Empty;

    /// <summary>The user that the guest's deliveries belong to.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string UserId { get; set; } = string.Empty;

    private protected override string? CurrentTable => "message_deliveries";

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var connection in CurrentConnections())
        {
            if (!_guests.TryGetValue(connection, out var guests))
                _guests.Add(connection, guests = []);
            guests.Add(new GuestUser(GuestId, UserId));
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => RunOn([.. _guests.Keys], async (connection, cancellation) =>
    {
        var guests = _guests[connection];
        var unusable = await new UserLinkBackfill(connection.Engine).FindUnusableAsync(guests, cancellation);
        foreach (var (guest, problem) in unusable)
            EmitError(ErrorRecords.Create("Linkage.Guest.Unusable", FaultKind.InvalidInput, $"{problem} ({connection})", guest.GuestId));
        var usable = guests.Except(unusable.Select(item => item.Guest)).ToList();
        if (usable.Count == 0)
            return;

        await RunOneAsync(
            connection,
            usable.Count == 1 ? $"the deliveries of guest {usable[0].GuestId}" : $"the deliveries of {usable.Count} guests",
            usable.Count == 1 ? $"Link to user {usable[0].UserId}" : "Link to their users",
            (database, options, progress, stop) => new UserLinkBackfill(database).RunForGuestsAsync(usable, options, progress, stop),
            cancellation);
    });

    private protected override object Result(RunReport report) => new UserLinkBackfillResult(report);
}
