using Linkage.Engine.Database;

namespace Linkage.Engine.Runs;

/// <summary>
/// What a capability wants done. The description itself is made by a function of the database, so that psql and cmdlets start
/// the same runs; see <c>Schema/Migrations/Runs/R__run_functions.sql</c> for what it holds.
/// </summary>
/// <param name="Sql">A query that returns the description (jsonb), with named parameters.</param>
/// <param name="Parameters">The values of those parameters.</param>
public sealed record RunWork(string Sql, object? Parameters = null)
{
    /// <summary>What <c>linkage.run.parameters</c> keeps for people to read: a JSON object.</summary>
    public string RecordedParameters { get; init; } = "{}";

    /// <summary>The run that this one undoes.</summary>
    public Guid? Undoes { get; init; }

    /// <summary>Hands a list over to the new run, in the transaction that starts it; null where the walk finds its keys by itself.</summary>
    public Func<DatabaseSession, Guid, Task>? Supply { get; init; }

    /// <summary>
    /// What a preview does instead of walking, in one READ ONLY transaction, given the description; null where it walks. It returns
    /// what a batch returns.
    /// </summary>
    public Func<DatabaseSession, string, Task<string?>>? Preview { get; init; }
}
