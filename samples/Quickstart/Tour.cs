using System.Diagnostics;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Sandbox;
using Linkage.Engine.Schema;
using Linkage.Engine.UserLinks;
using Npgsql;

/// <summary>The main job, step by step: find what is broken, look before changing, change, check, explain, undo.</summary>
internal sealed class Tour : IAsyncDisposable
{
    private const string Deliveries = "message_deliveries";

    private static readonly RunOptions _apply = new() { Caller = "Quickstart" };
    private static readonly RunOptions _preview = _apply with { Mode = RunMode.Preview };

    private readonly PostgresSandbox _sandbox;
    private readonly LinkageDatabase _database;

    private Tour(PostgresSandbox sandbox, LinkageDatabase database)
    {
        _sandbox = sandbox;
        _database = database;
    }

    public static async Task<Tour> StartAsync(Options options, CancellationToken cancellation)
    {
        Screen.Step("Start a throwaway PostgreSQL with sample data");
        var clock = Stopwatch.StartNew();
        var sandbox = await PostgresSandbox.StartAsync(
            new SandboxOptions
            {
                Version = options.Version,
                BinDirectory = options.BinDirectory,
                SampleDeliveries = options.Deliveries,
                // Commits wait for the disk as on a real server, so that the figures below mean something.
                Durable = true,
            },
            cancellation);
        try
        {
            var data = sandbox.SampleData!;
            Screen.Say($"PostgreSQL {sandbox.ServerVersion} from {sandbox.BinDirectory}, filled in {clock.Elapsed.TotalSeconds:0.0} s:");
            Screen.Say($"{data.Deliveries:N0} deliveries to {data.Guests:N0} guests of {data.Events:N0} events; {data.Users:N0} users.");
            return new Tour(sandbox, await LinkageDatabase.OpenAsync(sandbox.ConnectionString, cancellation));
        }
        catch
        {
            await sandbox.DisposeAsync();
            throw;
        }
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        Screen.Step("Install what Linkage needs");
        await InstallAsync(cancellation);

        Screen.Step("What ails the data?");
        await CheckAsync(["DeliveryInconsistencyRate", "DeliveryTriggers", "LinkingFlags"], cancellation);

        Screen.Step("Look before changing: what would a backfill do?");
        var backfill = new UserLinkBackfill(_database);
        var preview = await backfill.RunAsync(Deliveries, _preview, Screen.Progress, cancellation);
        Screen.EndProgress();
        ShowOutcomes(preview);
        Screen.Say("Nothing was written: the transactions were READ ONLY.");

        Screen.Step("Backfill");
        var run = await backfill.RunAsync(Deliveries, _apply, Screen.Progress, cancellation);
        Screen.EndProgress();
        ShowOutcomes(run);
        Screen.Say($"Run {run.RunId}. Each batch changed data, wrote its audit and moved its cursor in one transaction.");

        Screen.Step("And now?");
        await CheckAsync(["DeliveryInconsistencyRate", "BackfillActivity"], cancellation);

        Screen.Step("The audit: why was each delivery linked, or not?");
        await ShowAuditAsync(run.RunId!.Value, cancellation);

        Screen.Step("One that was not linked, explained");
        await ExplainAsync(run.RunId.Value, cancellation);

        Screen.Step("Somebody corrects three of the links by hand, and then the run is undone");
        await CorrectByHandAsync(run.RunId.Value, cancellation);
        var undoing = new UserLinkUndo(_database);
        var undo = await undoing.UndoAsync(run.RunId.Value, allowRelink: false, _apply, Screen.Progress, cancellation);
        Screen.EndProgress();
        ShowUndo(undo);

        Screen.Step("What was undone stays undone");
        var again = await backfill.RunAsync(Deliveries, _apply, Screen.Progress, cancellation);
        Screen.EndProgress();
        Screen.Say($"Another backfill links {again.Count("linked"):N0}: {again.Count("suppressed"):N0} links are suppressed by the undo.");
        await CheckAsync(["DeliveryInconsistencyRate"], cancellation);

        Screen.Step("The undo was a run too, so it can be undone");
        var redo = await undoing.UndoAsync(undo.RunId!.Value, allowRelink: false, _apply, Screen.Progress, cancellation);
        Screen.EndProgress();
        ShowUndo(redo);
        await CheckAsync(["DeliveryInconsistencyRate"], cancellation);

        Screen.Step("The runs of this tour");
        await foreach (var r in new RunLog(_database).FindAsync(new RunFilter(), cancellation))
            Screen.Say($"{r.RunId}  {r.Kind,-16}  {r.Status,-13}{(r.Undoes is { } undone ? $"  undoes {undone}" : "")}".TrimEnd());
    }

    /// <summary>Leaves the database running until the tour is cancelled.</summary>
    public async Task KeepAsync(CancellationToken cancellation)
    {
        var server = new NpgsqlConnectionStringBuilder(_sandbox.ConnectionString);
        Console.WriteLine("\nThe database runs until Ctrl+C:");
        var address = $"postgresql://{server.Username}:{server.Password}@{server.Host}:{server.Port}/{server.Database}";
        Screen.Say($"psql {address}");
        Screen.Say($"Connect-LinkageDatabase {address}");
        var end = new TaskCompletionSource();
        await using var registration = cancellation.Register(end.SetResult);
        await end.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _sandbox.DisposeAsync();
    }

    private async Task InstallAsync(CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var installer = new SchemaInstaller(_database);
        var plan = await installer.PlanAsync([], cancellation);
        await installer.ApplyAsync(plan, report: _ => { }, waiting: Screen.Say, cancellation);
        var triggers = plan.Steps.Count(s => s.Kind == MigrationKind.Trigger);
        var indexes = plan.Steps.Count(s => s.Kind == MigrationKind.Index);
        Screen.Say($"{string.Join(", ", plan.Steps.Select(s => s.Component).Distinct())}: "
            + $"{plan.Steps.Count - triggers - indexes} scripts in one transaction, {triggers} for triggers, {indexes} indexes.");
        Screen.Say($"Done in {clock.Elapsed.TotalSeconds:0.0} s, indexes concurrently; another install would find nothing to do.");
    }

    private async Task CheckAsync(string[] ofInterest, CancellationToken cancellation)
    {
        var options = new DeliveryIntegrityOptions { Exact = true };
        await foreach (var check in new DeliveryIntegrity(_database).CheckAsync(options, cancellation))
        {
            if (ofInterest.Contains(check.Check))
                Screen.Check(check);
        }
    }

    private static void ShowOutcomes(RunResult run)
    {
        Screen.Say($"{run.Count("processed"):N0} deliveries without a user examined ({Screen.Rate(run.Count("processed"), run.Elapsed)}):");
        Screen.Table(
        [
            ("linked", run.Count("linked"), "get the user that their guest belongs to"),
            ("no match", run.Count("no_match"), "no guest of the event with this phone has a user"),
            ("ambiguous", run.Count("ambiguous"), "several guests of the event have this phone: left to a person"),
            ("skipped", run.Count("skipped"), "no event, or a phone that is none"),
        ]);
    }

    // The audit is a table like any other; whatever the engine has no method for is a query away.
    private async Task ShowAuditAsync(Guid runId, CancellationToken cancellation)
    {
        var entries = await _database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<(string Outcome, string? Rule, string? Reason, long Count)>(
                """
                SELECT outcome, rule, metadata ->> 'reason', count(*)
                FROM user_link_audit
                WHERE run_id = @runId
                GROUP BY 1, 2, 3
                ORDER BY 4 DESC
                """,
                new { runId }),
            cancellation);
        Screen.Table(entries.Select(e => (e.Outcome, e.Count, e.Rule is null ? e.Reason ?? "" : $"by rule \"{e.Rule}\"")));

        var toReview = await new UserLinkAudit(_database).FindAmbiguousAsync(null, null, null, cancellation);
        Screen.Say($"To be reviewed by a person: {toReview.Count:N0} phones that several guests of one event have.");
    }

    private async Task ExplainAsync(Guid runId, CancellationToken cancellation)
    {
        var filter = new UserLinkAuditFilter { RunId = runId, Outcomes = ["ambiguous"], First = 1 };
        await foreach (var entry in new UserLinkAudit(_database).FindAsync(filter, cancellation))
        {
            var resolver = new UserLinkResolver(_database);
            var resolution = await resolver.ResolveDeliveryAsync(entry.Table, entry.RecordId!, cancellation);
            Screen.Say($"Delivery {resolution!.DeliveryId} to {resolution.Phone} ({resolution.NormalizedPhone}): {resolution.Outcome}");
            foreach (var finding in await resolver.ExplainAsync(resolution, cancellation))
                Screen.Say($"  {finding.Step}. {finding.Rule,-12} {finding.Finding}{(finding.Decides ? "  <- decides" : "")}");
        }
    }

    private Task<int> CorrectByHandAsync(Guid runId, CancellationToken cancellation) =>
        _database.TransactAsync(
            TransactionOptions.ReadWrite,
            session => session.ExecuteAsync(
                """
                UPDATE message_deliveries d
                SET user_id = (SELECT u.id FROM users u WHERE u.id <> d.user_id LIMIT 1)
                FROM (SELECT a.record_id FROM user_link_audit a WHERE a.run_id = @runId AND a.outcome = 'linked' LIMIT 3) AS a
                WHERE d.id = a.record_id
                """,
                new { runId }),
            cancellation);

    private static void ShowUndo(RunResult undo)
    {
        Screen.Say($"{undo.Count("processed"):N0} changes looked at ({Screen.Rate(undo.Count("processed"), undo.Elapsed)}):");
        Screen.Table(
        [
            ("put back", undo.Count("rolled_back"), "the user is what it was before"),
            ("conflicts", undo.Count("conflicts"), "somebody else changed them since: left alone, and audited"),
        ]);
    }
}
