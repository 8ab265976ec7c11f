using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>The base of the cmdlets on triggers: which ones are meant.</summary>
public abstract class TriggerCmdlet : DatabaseCmdlet
{
    /// <summary>The tables, in SQL notation or by their bare name; link targets also by theirs.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[]? Table { get; set; }

    /// <summary>The triggers' names, with wildcards.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Trigger { get; set; }

    /// <summary>Those of the triggers that bear a wanted name; all if none is wanted. A name that none of them bears is an error.</summary>
    private protected IReadOnlyList<OwnTrigger> Named(LinkageConnection connection, IReadOnlyList<OwnTrigger> triggers, string[]? wanted)
    {
        foreach (var name in wanted ?? [])
        {
            if (!WildcardPattern.ContainsWildcardCharacters(name) && !triggers.Any(trigger => IsNamed(trigger, name)))
            {
                EmitError(ErrorRecords.Create(
                    "Linkage.Trigger.NotFound", FaultKind.NotFound,
                    $"Linkage has no trigger {name} there ({connection}); Get-LinkageTrigger lists those that it has.", name));
            }
        }

        return wanted is null ? triggers : [.. triggers.Where(trigger => Array.Exists(wanted, name => IsNamed(trigger, name)))];
    }

    private static bool IsNamed(OwnTrigger trigger, string name) =>
        WildcardPattern.Get(name, WildcardOptions.IgnoreCase).IsMatch(trigger.Name);
}
