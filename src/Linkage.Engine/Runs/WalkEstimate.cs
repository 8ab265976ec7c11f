using System.Text.Json;
using Linkage.Engine.Database;

namespace Linkage.Engine.Runs;

/// <summary>How long a walk is, before it is walked: enough for progress, and free.</summary>
internal static class WalkEstimate
{
    /// <summary>How many candidates the planner expects.</summary>
    /// <param name="session">A transaction.</param>
    /// <param name="walkSql">A query that returns the walk (jsonb).</param>
    /// <param name="parameters">The values of that query's parameters.</param>
    public static async Task<long> CandidatesAsync(DatabaseSession session, string walkSql, object parameters)
    {
        var query = await session.QuerySingleAsync<string>(
            $"""
             SELECT format('SELECT FROM %s AS t WHERE %s', (w.walk ->> 'table')::regclass, linkage.candidates(w.walk))
             FROM ({walkSql}) AS w (walk)
             """,
            parameters);
        var plan = await session.QuerySingleAsync<string>($"EXPLAIN (FORMAT JSON) {query}");
        return JsonDocument.Parse(plan).RootElement[0].GetProperty("Plan").GetProperty("Plan Rows").GetInt64();
    }
}
