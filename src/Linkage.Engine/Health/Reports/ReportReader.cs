using Linkage.Engine.Checks;
using Linkage.Engine.Customers;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Schema;
using Linkage.Engine.UniqueKeys;
using Linkage.Engine.UserLinks;
using Linkage.Engine.UserSync;
using Npgsql;

namespace Linkage.Engine.Health.Reports;

/// <summary>
/// Reads what a report tells, by the very checks and lists of the other capabilities, all of it as it is at one moment. Writes nothing.
/// </summary>
/// <param name="database">What it is about.</param>
/// <param name="options">What it covers.</param>
public sealed class ReportReader(LinkageDatabase database, ReportOptions options)
{
    private const string Session = "Linkage Export-LinkageReport";
    private readonly ReportSteps _steps = ReportSteps.Over(options.Since, options.Until);

    /// <summary>
    /// Reads it. A part whose component is not installed, or that can't be read, says so; the others are there all the same.
    /// </summary>
    /// <exception cref="NpgsqlException">The connection was lost.</exception>
    public Task<DatabaseReport> ReadAsync(CancellationToken cancellation) =>
        database.ReadAtOnceAsync(Session, now => ReadAsync(now, cancellation), cancellation);

    private async Task<DatabaseReport> ReadAsync(LinkageDatabase now, CancellationToken cancellation)
    {
        var installed = await InstalledAsync(now, cancellation);
        List<CheckGroup> groups = [await GroupAsync(CheckGroupKind.Schema, "", () => new SchemaInspector(now).CheckAsync(cancellation))];
        groups.AddRange(await CheckAsync(now, installed, cancellation));
        return new DatabaseReport
        {
            Server = now.Server,
            Port = now.Port,
            Database = now.Database,
            ReadAt = DateTime.UtcNow,
            ServerVersion = now.ServerVersion.ToString(),
            Groups = groups,
            History = await PartAsync(installed, "Health", "What checks found", () => HistoryAsync(now, cancellation)),
            UserSync = await PartAsync(installed, "UserSync", "User sync", () => UserSyncAsync(now, cancellation)),
            Outcomes = await PartAsync(installed, "UserLinks", "Linking of users", () => OutcomesAsync(now, cancellation)),
            Runs = await PartAsync(installed, "Runs", "Runs", () => RunsAsync(now, cancellation)),
            Ghosts = await PartAsync(
                installed, "UserSync", "User sync",
                () => FirstAsync(new GhostUsers(now).FindAsync(repairableOnly: false, cancellation), Total(groups, "GhostUsers"))),
            Orphans = await PartAsync(
                installed, "UserSync", "User sync",
                () => FirstAsync(new OrphanedProfiles(now).FindAsync(cancellation), Total(groups, "OrphanedProfiles"))),
            Ambiguous = await PartAsync(installed, "UserLinks", "Linking of users", () => AmbiguousAsync(now, cancellation)),
        };
    }

    private static async Task<IReadOnlySet<string>> InstalledAsync(LinkageDatabase now, CancellationToken cancellation) =>
        (await now.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = Session },
            async session => await session.QuerySingleAsync<bool>("SELECT to_regclass('linkage.migration') IS NOT NULL")
                ? await session.QueryAsync<string>("SELECT DISTINCT component FROM linkage.migration")
                : [],
            cancellation)).ToHashSet(StringComparer.Ordinal);

    private static async Task<IReadOnlyList<CheckGroup>> CheckAsync(
        LinkageDatabase now, IReadOnlySet<string> installed, CancellationToken cancellation)
    {
        List<CheckGroup> groups = [];
        if (Absent(installed, "UserLinks", "Linking of users") is { } noLinks)
        {
            groups.Add(new(CheckGroupKind.UserLinks, "", [], noLinks));
        }
        else
        {
            var targets = await PartAsync(async () => await new LinkTargets(now).FindAsync(null, null, cancellation));
            if (targets.Absent is { } problem)
                groups.Add(Unreadable(CheckGroupKind.UserLinks, problem));
            foreach (var target in targets.Found ?? [])
            {
                groups.Add(await GroupAsync(
                    CheckGroupKind.UserLinks,
                    target.Name,
                    () => AllAsync(new DeliveryIntegrity(now).CheckAsync(new() { Table = target.Name }, cancellation))));
            }
        }

        groups.Add(Absent(installed, "UserSync", "User sync") is { } noSync
            ? new(CheckGroupKind.UserSync, "", [], noSync)
            : await GroupAsync(CheckGroupKind.UserSync, "", () => new UserSyncChecks(now).CheckAsync(cancellation)));
        groups.Add(Absent(installed, "Customers", "Customers from leads") is { } noCustomers
            ? new(CheckGroupKind.Customers, "", [], noCustomers)
            : await GroupAsync(CheckGroupKind.Customers, "", () => new CustomerChecks(now).CheckAsync(new(), cancellation)));
        groups.Add(Absent(installed, "UniqueKeys", "Unique keys") is { } noKeys
            ? new(CheckGroupKind.UniqueKeys, "", [], noKeys)
            : await GroupAsync(CheckGroupKind.UniqueKeys, "", () => AllAsync(new UniqueKeyChecks(now).CheckAsync([], cancellation))));
        return groups;
    }

    private Task<IReadOnlyList<CheckStep>> HistoryAsync(LinkageDatabase now, CancellationToken cancellation) =>
        now.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = Session },
            async session => (IReadOnlyList<CheckStep>)
            [
                .. (await session.QueryAsync<HistoryRow>(EmbeddedSql.Read("Health/Reports/check_steps.sql"), StepParameters))
                    .Select(row => new CheckStep(row.Check, row.Subject, row.Step, Status(row.Gravity), row.Value, row.Times)),
            ],
            cancellation);

    private Task<IReadOnlyList<UserSyncStep>> UserSyncAsync(LinkageDatabase now, CancellationToken cancellation) =>
        now.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = Session },
            session => session.QueryAsync<UserSyncStep>(EmbeddedSql.Read("Health/Reports/user_sync_steps.sql"), StepParameters),
            cancellation);

    private Task<IReadOnlyList<OutcomeStep>> OutcomesAsync(LinkageDatabase now, CancellationToken cancellation) =>
        now.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = Session },
            session => session.QueryAsync<OutcomeStep>(
                """
                SELECT o.step AS "Step", o.outcome AS "Outcome", o.entries AS "Count"
                FROM linkage.user_link_outcomes(@since, @until, make_interval(secs => @seconds)) o
                """,
                StepParameters),
            cancellation);

    private async Task<ReportList<RunRecord>> RunsAsync(LinkageDatabase now, CancellationToken cancellation)
    {
        List<RunRecord> first = [];
        long total = 0;
        await foreach (var run in new RunLog(now).FindAsync(new RunFilter { Since = options.Since }, cancellation))
        {
            if (run.StartedAt >= options.Until)
                continue;
            total++;
            if (first.Count < options.First)
                first.Add(run);
        }

        return new ReportList<RunRecord>(first, total);
    }

    private async Task<ReportList<AmbiguousUserLink>> AmbiguousAsync(LinkageDatabase now, CancellationToken cancellation)
    {
        var all = await new UserLinkAudit(now).FindAmbiguousAsync(options.Since, options.Until, null, cancellation);
        return new ReportList<AmbiguousUserLink>([.. all.Take(options.First)], all.Count);
    }

    private async Task<ReportList<T>> FirstAsync<T>(IAsyncEnumerable<T> found, long? total)
    {
        List<T> first = [];
        await foreach (var item in found)
        {
            first.Add(item);
            if (first.Count == options.First)
                break;
        }

        return new ReportList<T>(first, total ?? first.Count);
    }

    private object StepParameters => new { since = _steps.Since, until = _steps.Until, seconds = _steps.Width.TotalSeconds };

    // What a check counted at the same moment is not counted again.
    private static long? Total(IEnumerable<CheckGroup> groups, string check) =>
        (long?)groups.SelectMany(group => group.Checks).FirstOrDefault(result => result.Check == check)?.Value;

    private static string? Absent(IReadOnlySet<string> installed, string component, string subject) =>
        installed.Contains(component)
            ? null
            : installed.Count == 0
                ? "Linkage is not installed in this database. Install-LinkageSchema installs it."
                : $"{subject}: component {component} is not installed in this database. Install-LinkageSchema -Component {component} installs it.";

    private static async Task<ReportPart<T>> PartAsync<T>(
        IReadOnlySet<string> installed, string component, string subject, Func<Task<T>> read)
        where T : class =>
        Absent(installed, component, subject) is { } absent ? new(null, absent) : await PartAsync(read);

    private static async Task<ReportPart<T>> PartAsync<T>(Func<Task<T>> read)
        where T : class
    {
        try
        {
            return new(await read(), null);
        }
        catch (Exception fault) when (Problem(fault) is { } problem)
        {
            return new(null, problem);
        }
    }

    private static async Task<CheckGroup> GroupAsync(CheckGroupKind kind, string subject, Func<Task<IReadOnlyList<CheckResult>>> check)
    {
        var part = await PartAsync(check);
        return part.Found is { } checks ? new(kind, subject, checks, null) : Unreadable(kind, part.Absent!);
    }

    private static CheckGroup Unreadable(CheckGroupKind kind, string problem) =>
        new(kind, "", [CheckResult.Unknown(kind.ToString(), problem)], null);

    private static async Task<IReadOnlyList<CheckResult>> AllAsync(IAsyncEnumerable<CheckResult> checks)
    {
        List<CheckResult> all = [];
        await foreach (var check in checks)
            all.Add(check);
        return all;
    }

    /// <summary>Why a part can't be shown; null for what ends the report: a lost connection, and what nobody foresaw.</summary>
    private static string? Problem(Exception fault) => MissingObjects.Problem(fault) ?? fault switch
    {
        LinkageException known => known.Message,
        PostgresException refused when !TransientErrors.IsConnectionLost(refused) => $"It could not be read: {refused.MessageText}.",
        _ => null,
    };

    private static CheckStatus Status(int gravity) => gravity switch
    {
        3 => CheckStatus.Critical,
        2 => CheckStatus.Warning,
        1 => CheckStatus.Unknown,
        _ => CheckStatus.Healthy,
    };

    private sealed record HistoryRow(string Check, string Subject, int Step, int Gravity, double? Value, long Times);
}
