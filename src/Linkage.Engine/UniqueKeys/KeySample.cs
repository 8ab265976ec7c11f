using System.Globalization;
using Linkage.Engine.Database;

namespace Linkage.Engine.UniqueKeys;

/// <summary>How many rows of a sample a key is for, and how many share it.</summary>
/// <param name="Rows">Those with a value in each of its columns, in that state.</param>
/// <param name="Duplicates">Those that share it with another that would stay.</param>
internal sealed record KeyCount(long Rows, long Duplicates)
{
    /// <summary>The share of duplicates.</summary>
    public double Share => Rows == 0 ? 0 : (double)Duplicates / Rows;
}

/// <summary>A sample of one table, read once, in which all guesses are counted by the server.</summary>
internal static class KeySample
{
    /// <summary>Counts guesses, each for all rows and for those in each open state.</summary>
    /// <param name="session">Where.</param>
    /// <param name="guesses">Guesses of one table.</param>
    /// <param name="sampleRows">How many rows may be read.</param>
    /// <returns>The number of rows read, and a count for each guess and state (null for all rows).</returns>
    public static async Task<(long Read, IReadOnlyDictionary<(KeyGuess Guess, string? State), KeyCount> Counts)> CountAsync(
        DatabaseSession session, IReadOnlyList<KeyGuess> guesses, int sampleRows)
    {
        var columns = guesses.SelectMany(g => g.Columns.Append(g.State)).OfType<KeyColumn>().DistinctBy(c => c.Column).ToList();
        var (table, estimated) = (columns[0].Table, columns[0].EstimatedRows);
        var counted = guesses
            .SelectMany(g => (g.State is null ? [] : KeyGuess.OpenStates).Prepend((string?)null).Select(state => (Guess: g, State: state)))
            .ToList();
        // As large a share of the pages as holds that many rows; nobody knows of a table that was never analyzed.
        var share = estimated > sampleRows
            ? string.Create(
                CultureInfo.InvariantCulture, $" TABLESAMPLE SYSTEM ({Math.Max(100.0 * sampleRows / estimated, 0.0001):F4}) REPEATABLE (1)")
            : string.Empty;
        var sql =
            $"""
            WITH sample AS MATERIALIZED (SELECT {List(columns)} FROM {table} AS t{share} LIMIT @sampleRows)
            SELECT -1 AS "Number", count(*) AS "Rows", 0::bigint AS "Duplicates" FROM sample
            {string.Concat(counted.Select((c, number) => Count(number, c.Guess, c.State)))}
            """;
        var rows = await session.QueryAsync<Row>(sql, new { sampleRows, states = KeyGuess.OpenStates.ToArray() });
        return (
            rows.Single(r => r.Number < 0).Rows,
            rows.Where(r => r.Number >= 0).ToDictionary(r => counted[r.Number], r => new KeyCount(r.Rows, r.Duplicates)));
    }

    /// <summary>A column's name as SQL has it.</summary>
    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string Count(int number, KeyGuess guess, string? state)
    {
        var filled = string.Join(" AND ", guess.Columns.Select(c => $"{Quote(c.Column)} IS NOT NULL"));
        var inState = state is null
            ? string.Empty
            : $" AND {Quote(guess.State!.Column)}::text = (@states::text[])[{KeyGuess.OpenStates.ToList().IndexOf(state) + 1}]";
        return $"""

            UNION ALL
            SELECT {number}, COALESCE(sum(g.members), 0)::bigint, COALESCE(sum(g.members - 1), 0)::bigint
            FROM (SELECT count(*) AS members FROM sample WHERE {filled}{inState} GROUP BY {List(guess.Columns)}) AS g
            """;
    }

    private static string List(IEnumerable<KeyColumn> columns) => string.Join(", ", columns.Select(c => Quote(c.Column)));

    private sealed record Row(int Number, long Rows, long Duplicates);
}
