using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>A run as the database has it. A run whose session died reads 'interrupted', also before anybody marked it so.</summary>
public sealed record RunRecord
{
    /// <summary>The run's id, ordered by time.</summary>
    public Guid RunId { get; init; }

    /// <summary>What it is: UserLinkBackfill, Undo and so on.</summary>
    public string Kind { get; init; } = "";

    /// <summary>What it works on.</summary>
    public string Target { get; init; } = "";

    /// <summary>running, suspended, stopped, interrupted, completed, failed, undone or partly undone.</summary>
    public string Status { get; init; } = "";

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>The run that it undoes.</summary>
    public Guid? Undoes { get; init; }

    /// <summary>JSON: what it was asked to do.</summary>
    public string Parameters { get; init; } = "{}";

    /// <summary>JSON: workers, time per batch and duration, as they stand now.</summary>
    public string Settings { get; init; } = "{}";

    /// <summary>What another session has asked of it and it has not done yet: stop or suspend; null if nothing.</summary>
    public string? Requested { get; init; }

    /// <summary>Why it holds back at the moment; null if it doesn't.</summary>
    public string? HeldFor { get; init; }

    /// <summary>JSON: for how many seconds it was held back, by signal.</summary>
    public string Holds { get; init; } = "{}";

    /// <summary>How much of the table is done, from 0 to 1; null where nobody knows.</summary>
    public double? Share { get; init; }

    /// <summary>JSON: what it counted, by the capability's names.</summary>
    public string Counts { get; init; } = "{}";

    /// <summary>Why it ended as it did.</summary>
    public string? Message { get; init; }

    /// <summary>The role.</summary>
    public string StartedBy { get; init; } = "";

    /// <summary>The machine that the cmdlet ran on.</summary>
    public string? ClientHost { get; init; }

    /// <summary>The module that did it; null from psql.</summary>
    public string? ModuleVersion { get; init; }

    /// <summary>UTC.</summary>
    public DateTime StartedAt { get; init; }

    /// <summary>UTC; the last sign of life.</summary>
    public DateTime HeartbeatAt { get; init; }

    /// <summary>UTC.</summary>
    public DateTime? FinishedAt { get; init; }
}

/// <summary>Which runs to list; what is null does not matter.</summary>
public sealed record RunFilter
{
    /// <summary>Just this one.</summary>
    public Guid? RunId { get; init; }

    /// <summary>On this target.</summary>
    public string? Target { get; init; }

    /// <summary>Of this kind.</summary>
    public string? Kind { get; init; }

    /// <summary>With this status.</summary>
    public string? Status { get; init; }

    /// <summary>Started at this time or later.</summary>
    public DateTimeOffset? Since { get; init; }
}

/// <summary>Lists runs.</summary>
/// <param name="database">Whose.</param>
public sealed class RunLog(LinkageDatabase database)
{
    /// <summary>One run.</summary>
    /// <exception cref="LinkageException">There is no such run.</exception>
    public async Task<RunRecord> GetAsync(Guid runId, CancellationToken cancellation)
    {
        await foreach (var run in FindAsync(new RunFilter { RunId = runId }, cancellation))
            return run;
        throw new LinkageException(
            "Linkage.Run.NotFound", FaultKind.NotFound, $"There is no run {runId} in this database. Get-LinkageRun lists the runs.")
        {
            Subject = runId.ToString(),
        };
    }

    /// <summary>What became of a run that ended with a fault; null where the database does not tell any more.</summary>
    public async Task<RunRecord?> TryGetAsync(Guid runId, CancellationToken cancellation)
    {
        try
        {
            return await GetAsync(runId, cancellation);
        }
        catch (Exception e) when (e is NpgsqlException or LinkageException)
        {
            return null;
        }
    }

    /// <summary>The runs that the filter lets through, newest first.</summary>
    public IAsyncEnumerable<RunRecord> FindAsync(RunFilter filter, CancellationToken cancellation) =>
        database.StreamAsync<RunRecord>(
            EmbeddedSql.Read("Runs/find_runs.sql"),
            new { filter.RunId, filter.Target, filter.Kind, filter.Status, Since = filter.Since?.UtcDateTime },
            "Linkage Get-LinkageRun",
            cancellation);
}
