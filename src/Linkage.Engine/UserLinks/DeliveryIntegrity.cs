using System.Globalization;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.UserLinks;

/// <summary>What to check, and when to complain.</summary>
public sealed record DeliveryIntegrityOptions
{
    /// <summary>The target, by its name or its table in SQL notation.</summary>
    public string Table { get; init; } = "message_deliveries";

    /// <summary>The inconsistency rate, in percent, above which to warn.</summary>
    public double WarningAbove { get; init; }

    /// <summary>The inconsistency rate, in percent, above which it is critical.</summary>
    public double CriticalAbove { get; init; } = 1.0;

    /// <summary>
    /// Whether deliveries are counted, which reads the whole table, instead of estimated; and whether what lacks its index is read all the same.
    /// </summary>
    public bool Exact { get; init; }

    /// <summary>How far back triggers and backfills are looked at.</summary>
    public TimeSpan Last { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Whether wrong links are counted too, which reads the whole table.</summary>
    public bool Full { get; init; }

    /// <summary>The number of wrong links above which it is critical.</summary>
    public long WrongAbove { get; init; }
}

/// <summary>Checks that deliveries have the users that they should have, and that what links them is at work. Writes nothing.</summary>
/// <param name="database">Where.</param>
public sealed class DeliveryIntegrity(LinkageDatabase database)
{
    /// <summary>
    /// All checks, in a stable order. What is not there to be checked (no Linkage, no table, no index) gives a check of status
    /// <see cref="CheckStatus.Unknown"/>.
    /// </summary>
    /// <exception cref="LinkageException">There is no such target.</exception>
    /// <exception cref="PostgresException">The server refused, for want of a privilege for instance.</exception>
    public async IAsyncEnumerable<CheckResult> CheckAsync(
        DeliveryIntegrityOptions options,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Each says which target it is about, by one name however it was asked for.
        var names = await MeasureAsync<string>("FROM (SELECT (linkage.find_link_target(@Table)).name)", "m.name", options, cancellation);
        var table = names.Problem is null ? names.Rows.Single() : options.Table;
        await foreach (var check in CheckEachAsync(options, cancellation))
            yield return check with { Details = new Dictionary<string, object?>(check.Details) { [CheckResult.SubjectDetail] = table } };
    }

    private async IAsyncEnumerable<CheckResult> CheckEachAsync(
        DeliveryIntegrityOptions options,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        // One measure serves two checks each.
        var links = await MeasureAsync<Links>(
            "FROM linkage.measure_delivery_integrity(@Table, @Exact)", Links.Columns, options, cancellation);
        yield return Judge("DeliveryInconsistencyRate", links, found => Rate(found.Single(), options));
        yield return Judge("SuppressedDeliveries", links, found => Suppressed(found.Single()));

        var triggers = await MeasureAsync<Trigger>(
            "FROM linkage.link_trigger_states(@Table)", Trigger.Columns, options, cancellation);
        yield return Judge("DeliveryTriggers", triggers, Triggers);

        var activity = await MeasureAsync<Activity>(
            "FROM linkage.measure_link_activity(@Table, now() - @Last, @Exact)", Activity.Columns, options, cancellation);
        yield return Judge("TriggerSuccessRate", activity, found => TriggerSuccess(found.Single(), options));
        yield return Judge("BackfillActivity", activity, found => Backfills(found.Single(), options));

        var flags = await MeasureAsync<Flag>(
            "FROM linkage.find_feature_flags(@Flags)", Flag.Columns, options, cancellation);
        yield return Judge("LinkingFlags", flags, Flags);

        if (!options.Full)
            yield break;
        var wrong = await MeasureAsync<long>(
            "FROM (SELECT linkage.count_wrong_links(@Table) AS links)", "m.links", options, cancellation);
        yield return Judge("WrongUserLinks", wrong, found => Wrong(found.Single(), options));
    }

    private static CheckResult Wrong(long links, DeliveryIntegrityOptions options) => new(
        "WrongUserLinks", links > options.WrongAbove ? CheckStatus.Critical : CheckStatus.Healthy, links, options.WrongAbove,
        links == 0
            ? "No delivery has a user who is somebody else's."
            : Invariant($"{links:N0} deliveries have a user who is somebody else's. ")
                + "Get-WrongUserLink lists them and says why; Repair-UserLink corrects what is piped in.",
        new Dictionary<string, object?>());

    private static CheckResult Rate(Links links, DeliveryIntegrityOptions options)
    {
        if (links.Problem is { } problem)
            return CheckResult.Unknown("DeliveryInconsistencyRate", problem);
        var rate = links.Inconsistent == 0 ? 0 : 100.0 * links.Inconsistent / links.Deliveries!.Value;
        var (status, threshold) =
            rate > options.CriticalAbove ? (CheckStatus.Critical, options.CriticalAbove)
            : rate > options.WarningAbove ? (CheckStatus.Warning, options.WarningAbove)
            : (CheckStatus.Healthy, Math.Min(options.WarningAbove, options.CriticalAbove));
        var deliveries = links.Deliveries is { } total
            ? Invariant($"{(links.IsEstimate ? "about " : "")}{total:N0}{(links.IsEstimate ? " (estimated from statistics; -Exact counts)" : "")}")
            : "an unknown number of";
        return new CheckResult(
            "DeliveryInconsistencyRate", status, rate, threshold,
            Invariant($"{links.Inconsistent:N0} of {deliveries} deliveries have no user although their guest has one.")
            + (links.Suppressed > 0 ? Invariant($" {links.Suppressed:N0} more are kept so by an undo.") : "")
            + (links.Inconsistent > 0 ? " Invoke-UserLinkBackfill links them." : ""),
            new Dictionary<string, object?>
            {
                ["Inconsistent"] = links.Inconsistent,
                ["Suppressed"] = links.Suppressed,
                ["Deliveries"] = links.Deliveries,
                ["IsEstimate"] = links.IsEstimate,
                ["WarningAbove"] = options.WarningAbove,
                ["CriticalAbove"] = options.CriticalAbove,
            });
    }

    private static CheckResult Suppressed(Links links)
    {
        if (links.Problem is { } problem)
            return CheckResult.Unknown("SuppressedDeliveries", problem);
        return new CheckResult(
            "SuppressedDeliveries", CheckStatus.Healthy, links.Suppressions, null,
            links.Suppressions == 0
                ? "No delivery is kept unlinked by an undo."
                : Invariant($"{links.Suppressions:N0} unlinked deliveries are kept so by an undo; Get-LinkSuppression lists them."),
            new Dictionary<string, object?> { ["Suppressions"] = links.Suppressions, ["WithLinkedGuest"] = links.Suppressed });
    }

    private static CheckResult Triggers(IReadOnlyList<Trigger> triggers)
    {
        var silent = triggers.Where(trigger => trigger.State is not ("Enabled" or "Always")).ToList();
        return new CheckResult(
            "DeliveryTriggers", silent.Count == 0 ? CheckStatus.Healthy : CheckStatus.Critical, silent.Count, 0,
            silent.Count == 0
                ? $"All {triggers.Count} triggers are enabled."
                : $"New deliveries or guests are not linked: {string.Join("; ", silent.Select(Describe))}. "
                    + (silent.Any(trigger => trigger.State == "Missing")
                        ? "Install-LinkageSchema creates missing triggers; Enable-LinkageTrigger enables the others."
                        : "Enable-LinkageTrigger enables them."),
            triggers.ToDictionary(trigger => trigger.Name, object? (trigger) => trigger.State));

        static string Describe(Trigger trigger) => $"{trigger.Name} on {trigger.Table} is " + trigger.State switch
        {
            "ReplicaOnly" => "enabled in replicas only",
            "SwitchedOff" => "off by its switch",
            "Disabled" => "disabled",
            _ => "missing",
        };
    }

    private static CheckResult TriggerSuccess(Activity activity, DeliveryIntegrityOptions options)
    {
        if (activity.Problem is { } problem)
            return CheckResult.Unknown("TriggerSuccessRate", problem);
        double? rate = activity.TriggerAttempts == 0 ? null : 100.0 * activity.TriggerLinked / activity.TriggerAttempts;
        return new CheckResult(
            "TriggerSuccessRate", activity.TriggerFaults == 0 ? CheckStatus.Healthy : CheckStatus.Warning, rate, null,
            (activity.TriggerAttempts == 0
                ? $"The trigger examined no delivery in the last {Hours(options.Last)}."
                : Invariant($"Of {activity.TriggerAttempts:N0} deliveries that the trigger examined in the last {Hours(options.Last)}, ")
                    + Invariant($"it linked {activity.TriggerLinked:N0}."))
            + (activity.TriggerFaults == 0
                ? ""
                : Invariant($" {activity.TriggerFaults:N0} times linking failed: Get-UserLinkAudit -Outcome skipped says why.")),
            new Dictionary<string, object?>
            {
                ["Attempts"] = activity.TriggerAttempts,
                ["Linked"] = activity.TriggerLinked,
                ["Faults"] = activity.TriggerFaults,
                ["LinkedByGuest"] = activity.GuestLinked,
            });
    }

    private static CheckResult Backfills(Activity activity, DeliveryIntegrityOptions options)
    {
        if (activity.Problem is { } problem)
            return CheckResult.Unknown("BackfillActivity", problem);
        return new CheckResult(
            "BackfillActivity", activity.RunsFailed == 0 ? CheckStatus.Healthy : CheckStatus.Warning, activity.BackfillLinked, null,
            Invariant($"Backfills at work in the last {Hours(options.Last)}: {activity.BackfillExamined:N0} deliveries examined, ")
            + Invariant($"{activity.BackfillLinked:N0} linked; runs: {activity.Runs:N0}")
            + (activity.RunsFailed == 0 ? "." : Invariant($", of which {activity.RunsFailed:N0} failed or were cut off: Get-LinkageRun tells.")),
            new Dictionary<string, object?>
            {
                ["Examined"] = activity.BackfillExamined,
                ["Linked"] = activity.BackfillLinked,
                ["Runs"] = activity.Runs,
                ["RunsFailed"] = activity.RunsFailed,
            });
    }

    private static CheckResult Flags(IReadOnlyList<Flag> flags)
    {
        var isLinking = flags.Single(flag => flag.Name == FeatureFlags.LinkUserByPhone).IsEnabled == true;
        return new CheckResult(
            "LinkingFlags", isLinking ? CheckStatus.Healthy : CheckStatus.Warning, isLinking ? 1 : 0, 1,
            isLinking
                ? $"Linking is on ({string.Join(", ", flags.Select(Describe))})."
                : $"Nothing is linked: {FeatureFlags.LinkUserByPhone} is off. Set-LinkageFeatureFlag switches it on.",
            flags.ToDictionary(flag => flag.Name, object? (flag) => flag.IsEnabled));

        static string Describe(Flag flag) => $"{flag.Name} {(flag.IsEnabled == true ? "on" : "off")}";
    }

    private static CheckResult Judge<T>(string check, Measure<T> measure, Func<IReadOnlyList<T>, CheckResult> judge) =>
        measure.Problem is { } problem ? CheckResult.Unknown(check, problem) : judge(measure.Rows);

    /// <summary>What is missing in the database is a finding; anything else that goes wrong is an error.</summary>
    private async Task<Measure<T>> MeasureAsync<T>(
        string from, string columns, DeliveryIntegrityOptions options, CancellationToken cancellation)
    {
        try
        {
            var rows = await database.TransactAsync(
                TransactionOptions.ReadOnly with { ApplicationName = "Linkage Test-DeliveryIntegrity" },
                session => session.QueryAsync<T>(
                    $"SELECT {columns} {from} AS m",
                    new { options.Table, options.Exact, options.Last, Flags = FeatureFlags.Known.ToArray() }),
                cancellation);
            return new Measure<T>(null, rows);
        }
        catch (Exception fault) when (MissingObjects.Problem(fault) is { } problem)
        {
            return new Measure<T>(problem, []);
        }
    }

    private static string Hours(TimeSpan span) =>
        span == TimeSpan.FromHours(24) ? "24 hours" : span.ToString("c", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private sealed record Measure<T>(string? Problem, IReadOnlyList<T> Rows);

    private sealed record Links(
        string? Problem, long? Inconsistent, long? Suppressed, long? Suppressions, long? Deliveries, bool IsEstimate)
    {
        public const string Columns =
            """
            m.problem AS "Problem", m.inconsistent AS "Inconsistent", m.suppressed AS "Suppressed", m.suppressions AS "Suppressions",
            m.deliveries AS "Deliveries", m.is_estimate AS "IsEstimate"
            """;
    }

    private sealed record Trigger(string Name, string Table, string State)
    {
        public const string Columns = """m.trigger_name AS "Name", m.table_name AS "Table", m.state AS "State" """;
    }

    private sealed record Flag(string Name, bool? IsEnabled)
    {
        public const string Columns = """m.name AS "Name", m.is_enabled AS "IsEnabled" """;
    }

    private sealed record Activity(
        string? Problem, long TriggerAttempts, long TriggerLinked, long TriggerFaults, long GuestLinked, long BackfillExamined, long BackfillLinked,
        long Runs, long RunsFailed)
    {
        public const string Columns =
            """
            m.problem AS "Problem", m.trigger_attempts AS "TriggerAttempts", m.trigger_linked AS "TriggerLinked", m.trigger_faults AS "TriggerFaults",
            m.guest_linked AS "GuestLinked", m.backfill_examined AS "BackfillExamined", m.backfill_linked AS "BackfillLinked",
            m.runs AS "Runs", m.runs_failed AS "RunsFailed"
            """;
    }
}
