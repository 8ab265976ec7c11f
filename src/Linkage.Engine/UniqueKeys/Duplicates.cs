using Linkage.Engine.Database;

namespace Linkage.Engine.UniqueKeys;

/// <summary>Shows duplicates. Nothing is written.</summary>
/// <param name="database">Where they are.</param>
public sealed class Duplicates(LinkageDatabase database)
{
    /// <summary>All groups of a rule, in the order of their keys, as they are read.</summary>
    /// <param name="rule">The rule's name.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">
    /// There is no such rule, its table or columns are gone, or the table has no key by which its rows are told apart.
    /// </exception>
    public IAsyncEnumerable<DuplicateGroup> FindAsync(string rule, CancellationToken cancellation) =>
        database.StreamAsync<DuplicateGroup>(
            """
            SELECT
              d.label AS "Key", d.survivor::text AS "Survivor", d.duplicates::text[] AS "Duplicates", d.referring::text AS "Referring"
            FROM linkage.find_duplicates(@rule) d
            """,
            new { rule },
            "Linkage Get-DuplicateRecord",
            cancellation);
}
