using System.Data;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>
/// The user's own probe: a query whose first value holds the run if it is true, or a text that isn't blank. It runs in a READ ONLY
/// transaction of its own, at most 5 s.
/// </summary>
/// <param name="database">Where.</param>
/// <param name="query">One statement that returns a Boolean or a text.</param>
internal sealed class ThrottleQuery(LinkageDatabase database, string query)
{
    private static readonly HashSet<string> _texts = ["text", "varchar", "bpchar", "name"];

    /// <summary>Asks the server what the query returns, without running it, and then runs it once.</summary>
    /// <exception cref="LinkageException">It fails, or returns neither a Boolean nor a text.</exception>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        if (string.IsNullOrWhiteSpace(query))
            throw Unreadable(FaultKind.InvalidInput, "it is empty");
        await InTransactionAsync(DescribeAsync, cancellation);
        await ReadAsync(cancellation);
    }

    /// <summary>Runs the query.</summary>
    /// <returns>Why the run must not go on, or null.</returns>
    /// <exception cref="LinkageException">It fails, or no longer returns a Boolean or a text.</exception>
    public Task<string?> ReadAsync(CancellationToken cancellation) => InTransactionAsync(AnswerAsync, cancellation);

    private async Task<string?> DescribeAsync(DatabaseSession session, CancellationToken cancellation)
    {
        await using var batch = Batch(session);
        await using var answer = await batch.ExecuteReaderAsync(CommandBehavior.SchemaOnly, cancellation);
        Check(answer);
        return null;
    }

    private async Task<string?> AnswerAsync(DatabaseSession session, CancellationToken cancellation)
    {
        await using var batch = Batch(session);
        await using var answer = await batch.ExecuteReaderAsync(cancellation);
        // A table or a function that it reads may have been replaced since the start.
        Check(answer);
        if (!await answer.ReadAsync(cancellation) || await answer.IsDBNullAsync(0, cancellation))
            return null;
        return answer.GetValue(0) switch
        {
            true => "The query of -ThrottleQuery returns true.",
            string reason when !string.IsNullOrWhiteSpace(reason) => reason.Trim(),
            _ => null,
        };
    }

    private static void Check(NpgsqlDataReader answer)
    {
        if (answer.FieldCount == 0)
            throw Unreadable(FaultKind.InvalidInput, "it returns no column");
        var type = answer.GetPostgresType(0).InternalName;
        if (type != "bool" && !_texts.Contains(type))
        {
            throw Unreadable(
                FaultKind.InvalidInput,
                $"its first column is of type {answer.GetDataTypeName(0)}, and what of it holds the run nobody can tell");
        }
    }

    private async Task<string?> InTransactionAsync(
        Func<DatabaseSession, CancellationToken, Task<string?>> work, CancellationToken cancellation) =>
        await database.TransactAsync(
            Throttle.Sampling,
            async session =>
            {
                try
                {
                    return await work(session, cancellation);
                }
                catch (PostgresException e) when (!TransientErrors.IsConnectionLost(e))
                {
                    throw Unreadable(
                        e.SqlState == PostgresErrorCodes.InsufficientPrivilege ? FaultKind.Denied : FaultKind.InvalidInput,
                        $"{e.MessageText} (SQLSTATE {e.SqlState})",
                        e);
                }
            },
            cancellation);

    // In a batch the driver does not split the text at semicolons, and the server refuses a second statement: one that ended the
    // transaction would leave READ ONLY.
    private NpgsqlBatch Batch(DatabaseSession session) =>
        new(session.Connection, session.Transaction) { BatchCommands = { new NpgsqlBatchCommand(query) } };

    private static LinkageException Unreadable(FaultKind kind, string cause, Exception? inner = null) => new(
        Throttle.SignalUnreadable,
        kind,
        $"The query of -ThrottleQuery can't be used: {cause}. It must be one query that reads only, takes less than "
        + $"{Throttle.Sampling.StatementTimeout!.Value.TotalSeconds} s and returns a Boolean or a text in its first column.",
        inner)
    {
        Subject = SignalNames.Query,
    };
}
