using System.Globalization;

namespace Linkage.Cmdlets.Runs;

/// <summary>What became of which table, in one line: <c>public."Job": 3 moved; public.notes: 2 moved, 1 removed</c>.</summary>
internal static class MovedTables
{
    private static readonly string[] _actions = ["moved", "removed"];

    public static string? Of(RunCounts counts)
    {
        var parts = from count in counts
                    from action in _actions
                    where count.Value > 0 && count.Key.StartsWith(action + " ", StringComparison.Ordinal)
                    let text = string.Create(CultureInfo.InvariantCulture, $"{count.Value:N0} {action}")
                    group text by count.Key[(action.Length + 1)..] into table
                    orderby table.Key
                    select $"{table.Key}: {string.Join(", ", table)}";
        var all = string.Join("; ", parts);
        return all.Length == 0 ? null : all;
    }
}
