using System.Management.Automation;

namespace Linkage.Cmdlets.Database;

/// <summary>The base of the cmdlets that list what is not as it should be, each record with the reasons why it is listed.</summary>
public abstract class FindingCmdlet : DatabaseCmdlet
{
    /// <summary>Only those with such a reason, wildcards allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Reason { get; set; }

    /// <summary>At most so many.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <summary>Emits the findings that are wanted, as they are found.</summary>
    /// <param name="findings">All of them; no more are read than are wanted.</param>
    /// <param name="reasons">A finding's reasons; one that is wanted is enough.</param>
    /// <param name="record">What is emitted of it.</param>
    private protected async Task EmitAsync<T>(IAsyncEnumerable<T> findings, Func<T, string[]> reasons, Func<T, object> record)
    {
        var patterns = Reason?.Select(reason => WildcardPattern.Get(reason, WildcardOptions.IgnoreCase)).ToList();
        long left = First ?? long.MaxValue;
        await foreach (var found in findings)
        {
            if (patterns?.Exists(pattern => Array.Exists(reasons(found), pattern.IsMatch)) == false)
                continue;
            Emit(record(found));
            if (--left == 0)
                return;
        }
    }
}
