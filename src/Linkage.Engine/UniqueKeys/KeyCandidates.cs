using System.Diagnostics;
using System.Globalization;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.UniqueKeys;

/// <summary>
/// Looks for keys that tables lack: by what columns are called, by what the catalog and the statistics say of them, and by counting in a
/// sample how many rows share them. Writes nothing.
/// </summary>
/// <param name="database">Where.</param>
public sealed class KeyCandidates(LinkageDatabase database)
{
    /// <summary>What is meant to be unique is shared by no more rows than this; what a third of the rows share is not meant so.</summary>
    private const double MaxShare = 0.15;

    /// <summary>So few rows tell nothing of a key that nobody gave for one.</summary>
    private const int MinRows = 20;

    /// <summary>Looks.</summary>
    /// <param name="options">Where, and how much may be read.</param>
    /// <param name="progress">Told each table before it is read.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LinkageException">A table that was named does not exist, or the component is not installed.</exception>
    public async Task<KeyCandidateReport> FindAsync(KeyCandidateOptions options, Action<string>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        var watch = Stopwatch.StartNew();
        var (tables, rules) = await database.TransactAsync(Transaction(null), s => GuessAsync(s, options.Tables), cancellation);
        List<KeyCandidate> found = [];
        List<string> leftOut = [];
        foreach (var guesses in tables)
        {
            var table = guesses[0].Columns[0].Table;
            var left = options.MaxDuration - watch.Elapsed;
            progress?.Invoke(table);
            if (left <= TimeSpan.Zero || await JudgeAsync(guesses, rules, options.SampleRows, left, cancellation) is not { } candidates)
                leftOut.Add(table);
            else
                found.AddRange(candidates);
        }

        return new(
            [.. found.OrderByDescending(c => c.Score).ThenByDescending(c => c.Duplicates).ThenBy(c => c.Rule, StringComparer.Ordinal)],
            leftOut);
    }

    private static TransactionOptions Transaction(TimeSpan? timeout) =>
        TransactionOptions.ReadOnly with { ApplicationName = "Linkage Find-UniqueKeyCandidate", StatementTimeout = timeout };

    /// <summary>What columns suggest, by table, less what an index covers or the statistics rule out; and the rules that there are.</summary>
    private static async Task<(IReadOnlyList<IReadOnlyList<KeyGuess>> Tables, ILookup<string, Rule> Rules)> GuessAsync(
        DatabaseSession session, IReadOnlyList<string> wanted)
    {
        foreach (var name in wanted)
        {
            if (await session.QuerySingleAsync<string?>(
                "SELECT CASE WHEN linkage.find_table(@name) IS NULL THEN linkage.no_such_table(@name) END", new { name }) is { } problem)
                throw new LinkageException("Linkage.Table.NotFound", FaultKind.NotFound, problem);
        }

        var columns = await session.QueryAsync<KeyColumn>(
            EmbeddedSql.Read("UniqueKeys/find_candidate_columns.sql"), new { tables = wanted.ToArray() });
        var indexes = (await session.QueryAsync<IndexColumns>(
            EmbeddedSql.Read("UniqueKeys/find_candidate_indexes.sql"),
            new { tables = columns.Select(c => c.Table).Distinct().ToArray() })).ToLookup(i => i.Table);
        var rules = (await session.QueryAsync<Rule>(
            """SELECT r.name AS "Name", r.relation AS "Table", r.keys AS "Keys" FROM linkage.unique_key_rule r ORDER BY r.name"""))
            .ToLookup(r => r.Table);
        var tables =
            from table in columns.GroupBy(c => c.Table)
            let guesses = KeyGuess.Of([.. table])
                .Where(g => !g.IsRuledOut && !indexes[table.Key].Any(i => g.IsCoveredBy(i.Columns)))
                .ToList()
            where guesses.Count > 0
            select (IReadOnlyList<KeyGuess>)guesses;
        return ([.. tables], rules);
    }

    /// <summary>Those of a table's guesses that its rows bear out; null if there was no time to read them.</summary>
    private async Task<IReadOnlyList<KeyCandidate>?> JudgeAsync(
        IReadOnlyList<KeyGuess> guesses, ILookup<string, Rule> rules, int sampleRows, TimeSpan left, CancellationToken cancellation)
    {
        try
        {
            var (read, counts) = await database.TransactAsync(
                Transaction(left), session => KeySample.CountAsync(session, guesses, sampleRows), cancellation);
            var isExact = read < sampleRows && guesses[0].Columns[0].EstimatedRows <= sampleRows;
            return [.. guesses.Select(g => Judge(g, counts, isExact, rules)).OfType<KeyCandidate>()];
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.QueryCanceled && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static KeyCandidate? Judge(
        KeyGuess guess, IReadOnlyDictionary<(KeyGuess Guess, string? State), KeyCount> counts, bool isExact, ILookup<string, Rule> rules)
    {
        var whole = counts[(guess, null)];
        if (whole.Share <= MaxShare)
            return Candidate(guess, null, whole, isExact, rules);
        var state = KeyGuess.OpenStates
            .Where(s => counts.TryGetValue((guess, s), out var c) && c.Rows >= MinRows && c.Share <= MaxShare)
            .MaxBy(s => counts[(guess, s)].Rows);
        return state is null ? null : Candidate(guess, state, counts[(guess, state)], isExact, rules);
    }

    private static KeyCandidate? Candidate(KeyGuess guess, string? state, KeyCount count, bool isExact, ILookup<string, Rule> rules)
    {
        if (guess.Subject != KeyRole.ExternalId && count.Rows < MinRows)
            return null;
        var first = guess.Columns[0];
        var keys = guess.Columns.Select(c => c.Column).ToList();
        var quoted = keys.Select(Sql).ToHashSet();
        var rule = rules[first.Table].FirstOrDefault(r => quoted.SetEquals(r.Keys));
        List<string> conditions = [.. guess.Columns.Where(c => !c.IsNotNull).Select(c => $"{Sql(c.Column)} IS NOT NULL")];
        if (state is not null)
            conditions.Add($"{Sql(guess.State!.Column)} = '{state}'");
        return new KeyCandidate
        {
            Rule = rule?.Name ?? Name(first.TableName, keys),
            IsRegistered = rule is not null,
            Table = first.Table,
            Keys = keys,
            Predicate = conditions.Count > 0 ? string.Join(" AND ", conditions) : null,
            Score = Math.Round(Score(guess, state, count), 2),
            Reasons = [.. Reasons(guess, state, count, isExact)],
            Rows = count.Rows,
            Duplicates = count.Duplicates,
            IsExact = isExact,
        };
    }

    private static double Score(KeyGuess guess, string? state, KeyCount count)
    {
        var likely = guess.Subject switch { KeyRole.ExternalId => 0.9, KeyRole.Identifier => 0.65, _ => 0.5 };
        // A few that share it, of many, were imported twice; none, and it may be unique by nature, without anybody relying on it.
        if (count.Rows == 0)
            likely -= 0.3;
        else if (count.Duplicates > 0)
            likely += 0.08 * (1 - count.Share / MaxShare);
        else
            likely -= 0.05;
        return likely - (state is null ? 0 : 0.05);
    }

    private static IEnumerable<string> Reasons(KeyGuess guess, string? state, KeyCount count, bool isExact)
    {
        var subject = guess.Columns[^1].Column;
        yield return guess.Subject switch
        {
            KeyRole.ExternalId => $"{subject} is an id that was given elsewhere, by its name",
            KeyRole.Identifier => $"{subject} tells things apart, by its name",
            _ => "rows belong to "
                + string.Join(" and ", guess.Columns.Where(c => c.Role == KeyRole.Reference).Select(c => c.Column)) + ", and few to the same",
        };
        foreach (var column in guess.Columns.Where(c => c.Role is KeyRole.Tenant or KeyRole.Source))
        {
            yield return column.Role == KeyRole.Tenant
                ? $"ids are those of one {column.Column}"
                : $"{column.Column} tells ids of one kind from others";
        }

        if (state is not null)
            yield return $"only rows that are {state} are one each, others are many";
        foreach (var column in guess.Columns.Where(c => c.NullShare > 0))
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{column.Column} is NULL in {column.NullShare:P0} of the rows, which it leaves out");
        }

        yield return count.Rows == 0
            ? "no row says anything for or against it"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{count.Rows - count.Duplicates} of {count.Rows} rows have a key of their own")
                + (isExact ? string.Empty : ", in a sample: duplicates that lie apart were not seen");
        yield return "no unique index covers it";
    }

    /// <summary>A name as SQL has it, in quotes where it needs them.</summary>
    private static string Sql(string name) =>
        name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_') && !char.IsAsciiDigit(name[0]) ? name : KeySample.Quote(name);

    private static string Name(string table, IEnumerable<string> keys)
    {
        const string Ending = "_unique_idx";
        var name = $"{table}_{string.Join('_', keys)}";
        while (System.Text.Encoding.UTF8.GetByteCount(name) > 63 - Ending.Length)
            name = name[..^1];
        return name + Ending;
    }

    private sealed record IndexColumns
    {
        public string Table { get; init; } = "";

        public string[] Columns { get; init; } = [];
    }

    private sealed record Rule
    {
        public string Name { get; init; } = "";

        public string Table { get; init; } = "";

        public string[] Keys { get; init; } = [];
    }
}
