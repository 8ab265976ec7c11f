using Linkage.Engine.Database;

namespace Linkage.Engine.UniqueKeys;

/// <summary>Writes the <c>INSERT ... ON CONFLICT</c> that fits the key of a rule.</summary>
/// <param name="database">Where the rule and its table are.</param>
public sealed class UpsertStatement(LinkageDatabase database)
{
    /// <summary>The statement, with parameters $1, $2 and so on in the order of the table's columns. Nothing is run.</summary>
    /// <param name="rule">The rule's name.</param>
    /// <param name="set">Bare names of the columns that a second arrival updates; null for all that are inserted but key and primary key.</param>
    /// <param name="doesNothing">Whether a second arrival changes nothing.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LinkageException">There is no such rule, table or column, or nothing to update.</exception>
    public Task<string> WriteAsync(string rule, IReadOnlyList<string>? set, bool doesNothing, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage ConvertTo-UpsertStatement" },
            session => session.QuerySingleAsync<string>(
                "SELECT linkage.upsert_statement(linkage.find_unique_key_rule(@rule), @set, @doesNothing)",
                new { rule, set = set?.ToArray(), doesNothing }),
            cancellation);
}
