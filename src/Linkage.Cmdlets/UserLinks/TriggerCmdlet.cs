using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>The base of the cmdlets on triggers: which ones are meant.</summary>
public abstract class TriggerCmdlet : DatabaseCmdlet
{
    /// <summary>The tables: targets by name or in SQL notation, or event_guests.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[]? Table { get; set; }

    /// <summary>The triggers' names, with wildcards.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Trigger { get; set; }

    /// <summary>Whether a trigger bears one of the wanted names; all do if none is wanted.</summary>
    private protected static bool IsNamed(LinkTrigger trigger, string[]? wanted) =>
        wanted is null || Array.Exists(wanted, name => new WildcardPattern(name, WildcardOptions.IgnoreCase).IsMatch(trigger.Name));
}
