using System.Runtime.CompilerServices;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.UniqueKeys;

/// <summary>Checks that the key of each rule is there, and that nothing is there twice where it isn't. Writes nothing.</summary>
/// <param name="database">Where.</param>
public sealed class UniqueKeyChecks(LinkageDatabase database)
{
    /// <summary>The name of the check that stands for all where there are no rules.</summary>
    public const string NoRules = "UniqueKeys";

    /// <summary>
    /// One check for each rule, as it is made. One whose table or column is absent is <see cref="CheckStatus.Unknown"/>; so is the only one
    /// where the component is not installed.
    /// </summary>
    /// <param name="rules">The names of the rules; all without any.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LinkageException">There is no such rule.</exception>
    /// <exception cref="PostgresException">The server refused, for want of a privilege for instance.</exception>
    public async IAsyncEnumerable<CheckResult> CheckAsync(
        IReadOnlyList<string> rules, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(rules);
        IReadOnlyList<string> names = rules;
        string? problem = null;
        try
        {
            if (names.Count == 0)
                names = [.. (await new UniqueKeyRules(database).FindAsync(cancellation)).Select(r => r.Name)];
        }
        catch (Exception fault) when (MissingObjects.Problem(fault) is { } missing)
        {
            problem = missing;
        }

        if (problem is not null)
            yield return CheckResult.Unknown(NoRules, problem);
        foreach (var name in names)
            yield return await CheckAsync(name, cancellation);
    }

    private Task<CheckResult> CheckAsync(string rule, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Test-UniqueKey" },
            async session => (await session.QuerySingleAsync<Row>(
                """
                SELECT
                  c.check_name AS "Check", c.status AS "Status", c.value::double precision AS "Value",
                  c.threshold::double precision AS "Threshold", c.message AS "Message", c.details::text AS "Details"
                FROM linkage.check_unique_key(@rule) c
                """,
                new { rule })).Result,
            cancellation);

    private sealed record Row(string Check, string Status, double? Value, double? Threshold, string Message, string Details)
    {
        public CheckResult Result =>
            new(Check, Enum.Parse<CheckStatus>(Status, ignoreCase: true), Value, Threshold, Message, CheckDetails.Read(Details));
    }
}
