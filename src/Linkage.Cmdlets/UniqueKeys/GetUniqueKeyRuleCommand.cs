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
        var rules = await new UniqueKeyRules(connection.Engine).FindAsync(cancellation);
        foreach (var wanted in Name?.Where(n => !WildcardPattern.ContainsWildcardCharacters(n)) ?? [])
        {
            // The error that names similar ones.
            if (!rules.Any(r => r.Name.Equals(wanted, StringComparison.OrdinalIgnoreCase)))
                EmitError(await NotFoundAsync(connection, wanted, cancellation), wanted);
        }

        var patterns = Name?.Select(n => WildcardPattern.Get(n, WildcardOptions.IgnoreCase)).ToList();
        foreach (var rule in rules.Where(r => patterns?.Exists(p => p.IsMatch(r.Name)) != false))
            Emit(new UniqueKeyRule(connection, rule, "None"));
    });

    private static async Task<Exception> NotFoundAsync(LinkageConnection connection, string name, CancellationToken cancellation)
    {
        try
        {
            await new UniqueKeyRules(connection.Engine).GetAsync(name, cancellation);
            return new LinkageException("Linkage.UniqueKeyRule.NotFound", FaultKind.NotFound, $"There is no rule {name}.");
        }
        catch (LinkageException fault)
        {
            return fault;
        }
    }
}
