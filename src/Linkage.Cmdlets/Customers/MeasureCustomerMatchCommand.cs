using System.Globalization;
using System.Management.Automation;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>Scores a way to group leads, or the customers that they have, against labelled data.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "CustomerMatch")]
[OutputType(typeof(CustomerMatchScore))]
public sealed class MeasureCustomerMatchCommand : CustomerMatchCmdlet
{
    private readonly Dictionary<string, string> _labels = new(StringComparer.Ordinal);

    /// <summary>
    /// Who leads are in truth: objects with the properties Lead (its key) and Entity (anything that is the same for the same person).
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    public PSObject[] Label { get; set; } = [];

    /// <summary>The way to group that is scored; without it, the customers that leads have now.</summary>
    [Parameter]
    [ValidateSet("Priority", "Transitive")]
    public string? Match { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var label in Label)
        {
            if (Text(label, "Lead") is { } lead && Text(label, "Entity") is { } entity)
            {
                _labels[lead] = entity;
                continue;
            }

            WriteError(Pipeline.ErrorRecords.Create(
                "Linkage.CustomerMatch.NoLabel", Engine.FaultKind.InvalidInput,
                "A label needs the properties Lead and Entity, both with a value.", label));
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => RunOn(CurrentConnections(), async (connection, cancellation) => Emit(new CustomerMatchScore(
        connection,
        Match,
        await new CustomerMatchMeasure(connection.Engine).ScoreAsync(_labels, Match is null ? null : MatchBy(Match), cancellation))));

    private static string? Text(PSObject label, string property) =>
        label.Properties[property]?.Value is { } value
            && Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;
}
