using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Says of texts whether they are ids of the form prefix_ and a ULID. It needs no database.</summary>
[Cmdlet(VerbsDiagnostic.Test, "PrefixedUlid")]
[OutputType(typeof(bool))]
public sealed class TestPrefixedUlidCommand : LinkageCmdlet
{
    /// <summary>The texts.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public string?[]? Id { get; set; }

    /// <summary>What must stand before the underscore; anything without it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Prefix { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var id in Id ?? [null])
            Emit(PrefixedUlid.IsValid(id, Prefix));
    }
}
