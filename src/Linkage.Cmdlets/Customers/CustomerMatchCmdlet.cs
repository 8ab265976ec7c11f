using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Customers;

namespace Linkage.Cmdlets.Customers;

/// <summary>The base of the cmdlets that group leads without changing them.</summary>
public abstract class CustomerMatchCmdlet : DatabaseCmdlet
{
    /// <summary>More records than this do not share an identifier: it joins none of them.</summary>
    [Parameter]
    [ValidateRange(CustomerMatch.LeastMaxShared, CustomerMatch.GreatestMaxShared)]
    public int MaxShared { get; set; } = CustomerMatch.UsualMaxShared;

    /// <summary>
    /// Whether names and addresses, where they are mapped, keep leads apart that share a phone or an e-mail; of transitive groups.
    /// </summary>
    [Parameter]
    public bool Evidence { get; set; } = true;

    private protected CustomerMatch MatchBy(string match) => new(match, MaxShared, Evidence);
}
