using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Phones;

namespace Linkage.Cmdlets.Phones;

/// <summary>Brings phone numbers to E.164 form without a database, as the SQL function <c>normalize_phone</c> does.</summary>
[Cmdlet(VerbsData.ConvertTo, "NormalizedPhone")]
[OutputType(typeof(NormalizedPhone))]
public sealed class ConvertToNormalizedPhoneCommand : LinkageCmdlet
{
    /// <summary>The texts to read; each gives one record, also an empty one and null.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PhoneNumber", "Input")]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public string?[]? Phone { get; set; }

    /// <summary>The region whose national form a text without calling code may have.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string DefaultRegion { get; set; } = "US";

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var text in Phone ?? [null])
            WriteObject(new NormalizedPhone(PhoneNumber.Parse(text, DefaultRegion)));
    }
}
