using System.Runtime.CompilerServices;
using Dapper;
using Linkage.Engine.Database;

namespace Linkage.Engine.Runs;

/// <summary>
/// Reads a table as a run walks it, key set by key set, each in a short READ ONLY transaction: a long listing holds no snapshot that
/// would keep vacuum from its work, and the client's memory stays flat.
/// </summary>
/// <param name="database">Where the table is.</param>
public sealed class KeySetReader(LinkageDatabase database)
{
    /// <summary>The first key set is small, so that the first rows come at once; the later ones are large enough to be read set-based.</summary>
    private const int FirstSize = 200;
    private const int LargestSize = 20_000;

    /// <summary>The rows of every key set, in the walk's order, up to the last key that there was at the start.</summary>
    /// <param name="walkSql">A query that returns the walk (jsonb); see <c>Schema/Migrations/Runs/R__walk_functions.sql</c>.</param>
    /// <param name="rowsSql">A query that returns the rows of one key set: <c>@walk</c> and <c>@keySet</c> are JSON text.</param>
    /// <param name="parameters">The values of both queries' other parameters.</param>
    /// <param name="applicationName">What <c>pg_stat_activity</c> shows meanwhile.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public async IAsyncEnumerable<T> ReadAsync<T>(
        string walkSql, string rowsSql, object parameters, string applicationName,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var transaction = TransactionOptions.ReadOnly with { ApplicationName = applicationName };
        var walk = await database.TransactAsync(
            transaction,
            session => session.QuerySingleAsync<string>(
                $"SELECT (w.walk || jsonb_build_object('bound', linkage.last_key(w.walk)))::text FROM ({walkSql}) AS w (walk)", parameters),
            cancellation);

        string? keySet = null;
        for (var size = FirstSize; ; size = Math.Min(size * 4, LargestSize))
        {
            var (next, rows) = await database.TransactAsync(
                transaction, session => NextAsync<T>(session, walk, keySet, size, rowsSql, parameters), cancellation);
            if (next is null)
                yield break;
            foreach (var row in rows)
                yield return row;
            keySet = next;
        }
    }

    private static async Task<(string? KeySet, IReadOnlyList<T> Rows)> NextAsync<T>(
        DatabaseSession session, string walk, string? previous, int size, string rowsSql, object parameters)
    {
        var keySet = await session.QuerySingleAsync<string?>(
            "SELECT linkage.next_key_set(@walk::jsonb, @previous::jsonb -> 'upto', @size)::text", new { walk, previous, size });
        if (keySet is null)
            return (null, []);
        var values = new DynamicParameters(parameters);
        values.Add("walk", walk);
        values.Add("keySet", keySet);
        return (keySet, await session.QueryAsync<T>(rowsSql, values));
    }
}
