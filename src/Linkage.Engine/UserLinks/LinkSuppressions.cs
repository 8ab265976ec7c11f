using Linkage.Engine.Database;

namespace Linkage.Engine.UserLinks;

/// <summary>What an undo unlinked and nothing may link again: this record to this user. Keys are text, times UTC.</summary>
/// <param name="Table">The target.</param>
/// <param name="RecordId">The record.</param>
/// <param name="UserId">The user that it is kept from.</param>
/// <param name="GuestId">The guest whom the link came from; being linked anew lifts the suppression.</param>
/// <param name="RunId">The undo.</param>
/// <param name="CreatedBy">The role.</param>
/// <param name="CreatedAt">When.</param>
public sealed record LinkSuppression(
    string Table, string RecordId, string UserId, string? GuestId, Guid? RunId, string CreatedBy, DateTime CreatedAt)
{
    /// <summary>What tells it from every other.</summary>
    public LinkSuppressionKey Key => new(Table, RecordId, UserId);
}

/// <summary>What tells a suppression from every other, as the database has it.</summary>
/// <param name="Table">The target.</param>
/// <param name="RecordId">The record.</param>
/// <param name="UserId">The user.</param>
public sealed record LinkSuppressionKey(string Table, string RecordId, string UserId);

/// <summary>Which suppressions to list; what is null does not matter.</summary>
/// <param name="Table">The target, by its name, its table in SQL notation, or the audit's name for its guest links.</param>
/// <param name="RecordId">The record's key as text.</param>
/// <param name="UserId">The user.</param>
/// <param name="RunId">The undo that left them.</param>
public sealed record LinkSuppressionFilter(string? Table, string? RecordId, string? UserId, Guid? RunId);

/// <summary>Lists and lifts what undo suppressed.</summary>
/// <param name="database">Where.</param>
public sealed class LinkSuppressions(LinkageDatabase database)
{
    private const string Columns =
        """
        s.target AS "Table", s.record_key AS "RecordId", s.user_id AS "UserId", s.guest_id AS "GuestId", s.run_id AS "RunId",
        s.created_by AS "CreatedBy", s.created_at AS "CreatedAt"
        """;

    /// <summary>The suppressions that the filter lets through, the oldest first.</summary>
    public IAsyncEnumerable<LinkSuppression> FindAsync(LinkSuppressionFilter filter, CancellationToken cancellation) =>
        database.StreamAsync<LinkSuppression>(
            $"SELECT {Columns} FROM linkage.find_link_suppressions(@Table::text, @RecordId::text, @UserId::text, @RunId::uuid) s",
            filter,
            "Linkage Get-LinkSuppression",
            cancellation);

    /// <summary>Those of these suppressions that still stand.</summary>
    public Task<IReadOnlyList<LinkSuppression>> FindAsync(IEnumerable<LinkSuppressionKey> keys, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-LinkSuppression" },
            session => session.QueryAsync<LinkSuppression>(
                $"SELECT {Columns} FROM linkage.find_link_suppressions(@tables, @records, @users) s", Lists(keys)),
            cancellation);

    /// <summary>Lifts suppressions, all or none; one that is gone already is passed over.</summary>
    /// <returns>What was lifted.</returns>
    public Task<IReadOnlyList<LinkSuppression>> ReleaseAsync(IEnumerable<LinkSuppressionKey> keys, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadWrite with { ApplicationName = "Linkage Clear-LinkSuppression" },
            session => session.QueryAsync<LinkSuppression>(
                $"SELECT {Columns} FROM linkage.release_link_suppressions(@tables, @records, @users) s", Lists(keys)),
            cancellation);

    private static object Lists(IEnumerable<LinkSuppressionKey> keys)
    {
        var list = keys.ToList();
        return new
        {
            tables = list.Select(key => key.Table).ToArray(),
            records = list.Select(key => key.RecordId).ToArray(),
            users = list.Select(key => key.UserId).ToArray(),
        };
    }
}
