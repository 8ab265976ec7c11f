using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Shows the flags that linking goes by, or others of the application's.</summary>
[Cmdlet(VerbsCommon.Get, "LinkageFeatureFlag")]
[OutputType(typeof(LinkageFeatureFlag))]
public sealed class GetLinkageFeatureFlagCommand : DatabaseCmdlet
{
    /// <summary>Names, also with wildcards; without any, the flags that Linkage goes by.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var flags = new FeatureFlags(connection.Engine);
        var isPattern = Name?.Any(WildcardPattern.ContainsWildcardCharacters) == true;
        var found = isPattern ? await flags.FindAsync(null, cancellation) : await flags.FindAsync(Name ?? FeatureFlags.Known, cancellation);
        var patterns = isPattern ? Name!.Select(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList() : null;
        foreach (var flag in found.Where(flag => patterns?.Exists(pattern => pattern.IsMatch(flag.Name)) != false))
            Emit(new LinkageFeatureFlag(connection, flag));
    });
}
