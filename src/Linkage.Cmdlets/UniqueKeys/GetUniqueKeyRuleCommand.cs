using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Lists the rules that say which rows may not share a key.</summary>
[Cmdlet(VerbsCommon.Get, "UniqueKeyRule")]
[OutputType(typeof(UniqueKeyRule))]
public sealed class GetUniqueKeyRuleCommand : DatabaseCmdlet
{
    /// <summary>Only rules of these names, wildcards allowed.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var registry = new UniqueKeyRules(connection.Engine);
        var rules = await registry.FindAsync(cancellation);
        foreach (var wanted in Name?.Where(n => !WildcardPattern.ContainsWildcardCharacters(n)) ?? [])
        {
            if (!rules.Any(r => r.Name.Equals(wanted, StringComparison.OrdinalIgnoreCase)))
                await EmitNotFoundAsync(registry, wanted, cancellation);
        }

        var patterns = Name?.Select(n => WildcardPattern.Get(n, WildcardOptions.IgnoreCase)).ToList();
        foreach (var rule in rules.Where(r => patterns?.Exists(p => p.IsMatch(r.Name)) != false))
            Emit(new UniqueKeyRule(connection, rule, "None"));
    });

    /// <summary>The registry's own error names similar rules.</summary>
    private async Task EmitNotFoundAsync(UniqueKeyRules registry, string name, CancellationToken cancellation)
    {
        try
        {
            await registry.GetAsync(name, cancellation);
        }
        catch (LinkageException fault)
        {
            EmitError(fault, name);
        }
    }
}
