using System.Text.Json;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;

namespace Linkage.Engine.Health;

/// <summary>How many records a database's history got, and how many were too old to stay.</summary>
public sealed record HealthSaved(long Saved, long Removed);

/// <summary>A record of the history.</summary>
/// <param name="Result">What the check found.</param>
/// <param name="CheckedAt">When; UTC.</param>
/// <param name="SavedAt">When it was stored; UTC.</param>
/// <param name="SavedBy">The role that stored it.</param>
public sealed record HealthEntry(CheckResult Result, DateTime CheckedAt, DateTime SavedAt, string SavedBy);

/// <summary>What checks of a database found over time, healthy ones too. It is kept in the database itself.</summary>
/// <param name="database">The one that was checked.</param>
public sealed class HealthHistory(LinkageDatabase database)
{
    /// <summary>Stores what a check found, unless that was stored before, and removes what is older than is to be kept.</summary>
    /// <param name="result">What it found.</param>
    /// <param name="checkedAt">When it was made; UTC.</param>
    /// <param name="keepFor">How far back the history goes; null leaves what is there.</param>
    /// <param name="onlyPlan">Only says what would be stored and removed; writes nothing.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    /// <exception cref="LinkageException">Linkage, or its component Health, is not installed.</exception>
    public Task<HealthSaved> SaveAsync(
        CheckResult result, DateTime checkedAt, TimeSpan? keepFor, bool onlyPlan, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(result);
        var record = new
        {
            check_name = result.Check,
            subject = result.Subject,
            status = StatusText(result.Status),
            value = result.Value,
            threshold = result.Threshold,
            message = result.Message,
            details = result.Details,
            checked_at = checkedAt,
        };
        return database.TransactAsync(
            (onlyPlan ? TransactionOptions.ReadOnly : TransactionOptions.ReadWrite) with { ApplicationName = "Linkage Save-LinkageHealth" },
            session => session.QuerySingleAsync<HealthSaved>(
                """SELECT s.saved AS "Saved", s.removed AS "Removed" FROM linkage.save_health(@records::jsonb, @keepFor, @onlyPlan) s""",
                new { records = JsonSerializer.Serialize(new[] { record }), keepFor, onlyPlan }),
            cancellation);
    }

    /// <summary>The history, the newest first, as it is read.</summary>
    /// <param name="since">Then or later.</param>
    /// <param name="until">Before then.</param>
    /// <param name="statuses">Only those that came out so; null for all.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">Linkage, or its component Health, is not installed.</exception>
    public async IAsyncEnumerable<HealthEntry> FindAsync(
        DateTime since, DateTime until, IReadOnlyList<CheckStatus>? statuses,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var rows = database.StreamAsync<Row>(
            EmbeddedSql.Read("Health/find_history.sql"),
            new { since, until, statuses = statuses?.Select(StatusText).ToArray() },
            "Linkage Get-LinkageHealthHistory",
            cancellation);
        await foreach (var row in rows)
            yield return row.Entry;
    }

    /// <summary>A status as the tables of this component have it.</summary>
    internal static string StatusText(CheckStatus status) => status.ToString().ToLowerInvariant();

    private sealed record Row(
        string Check, string Subject, string Status, double? Value, double? Threshold, string Message, string Details, DateTime CheckedAt,
        DateTime SavedAt, string SavedBy)
    {
        public HealthEntry Entry => new(
            new CheckResult(
                Check, Enum.Parse<CheckStatus>(Status, ignoreCase: true), Value, Threshold, Message, CheckDetails.Read(Details)),
            CheckedAt, SavedAt, SavedBy);
    }
}
