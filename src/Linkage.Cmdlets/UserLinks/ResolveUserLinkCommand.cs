using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Asks the rules who the user of a delivery, or of a phone at an event, is; changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "UserLink", DefaultParameterSetName = ByDelivery)]
[OutputType(typeof(UserLinkResolution), typeof(UserLinkExplanation))]
public sealed class ResolveUserLinkCommand : DatabaseCmdlet
{
    private const string ByDelivery = "Delivery";
    private const string ByPhone = "Phone";

    /// <summary>The delivery.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByDelivery, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string DeliveryId { get; set; } = string.Empty;

    /// <summary>The delivery's target, by its name or its table in SQL notation.</summary>
    [Parameter(ParameterSetName = ByDelivery, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Table { get; set; } = "message_deliveries";

    /// <summary>The event that the phone is looked for at.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByPhone, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string EventId { get; set; } = string.Empty;

    /// <summary>The phone, however it is written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByPhone, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Phone { get; set; }

    /// <summary>Tell, rule by rule, what it looked at and why it stopped there or passed on.</summary>
    [Parameter]
    public SwitchParameter Explain { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var resolver = new UserLinkResolver(connection.Engine);
        var resolution = ParameterSetName == ByPhone
            ? await resolver.ResolveAsync(EventId, Phone, cancellation)
            : await resolver.ResolveDeliveryAsync(Table, DeliveryId, cancellation) ?? throw Unknown(connection);
        var record = new UserLinkResolution(connection, resolution);
        if (!Explain)
        {
            Emit(record);
            return;
        }

        foreach (var finding in await resolver.ExplainAsync(resolution, cancellation))
            Emit(new UserLinkExplanation(record, finding));
    });

    private LinkageException Unknown(LinkageConnection connection) =>
        new("Linkage.Delivery.NotFound", FaultKind.NotFound, $"There is no delivery {DeliveryId} in {Table} on {connection}.") { Subject = DeliveryId };
}
