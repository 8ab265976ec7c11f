using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Reports;

/// <summary>What became of rates, ghosts, orphans, outcomes and checks over the period.</summary>
internal static class TrendSection
{
    private const string NothingStored =
        "No check was stored in this period. Test-DeliveryIntegrity | Save-LinkageHealth stores one; a scheduled job does so every day.";

    // Outcomes that are always shown alike; any other comes after them.
    private static readonly (string Outcome, char Look)[] _outcomes = [("linked", 'a'), ("no_match", 'b'), ("ambiguous", 'c'), ("skipped", 'd')];

    public static void Write(ReportPlace place) => place.Section("trends", "Trends", () =>
    {
        place.Part(place.Report.History, history => Rate(place, history));
        Gaps(place);
        place.Part(place.Report.Outcomes, outcomes => Outcomes(place, outcomes));
        if (place.Report.History.Found is { } history)
            StatusStrip.Write(place, history);
    });

    private static void Rate(ReportPlace place, IReadOnlyList<CheckStep> history)
    {
        if (history.Count == 0)
        {
            place.Note(NothingStored);
            return;
        }

        var looks = "abcdef";
        var lines = Of(history, "DeliveryInconsistencyRate")
            .GroupBy(step => step.Subject, StringComparer.Ordinal)
            .Select((target, n) => new ChartSeries(
                target.Key.Length == 0 ? "Inconsistency rate" : ReportText.Short(target.Key), looks[n % looks.Length],
                target.ToDictionary(step => step.Step, step => step.Value!.Value)))
            .ToList();
        if (lines.Count > 0)
            place.Chart.Lines($"{place.Prefix}rate", "Deliveries without a user whose guest has one, of all deliveries (highest of each step)", "%", lines);
    }

    // What Save-LinkageHealth stored and what Save-UserSyncMetric measured tell of the same thing.
    private static void Gaps(ReportPlace place)
    {
        var checks = place.Report.History.Found ?? [];
        var measured = place.Report.UserSync.Found ?? [];
        ChartSeries Line(string name, char look, string check, Func<UserSyncStep, long?> value) => new(
            name, look,
            Of(checks, check).Select(step => (step.Step, Value: step.Value!.Value))
                .Concat(measured.Where(step => value(step) is not null).Select(step => (step.Step, Value: (double)value(step)!.Value)))
                .GroupBy(point => point.Step)
                .ToDictionary(step => step.Key, step => step.Max(point => point.Value)));
        ChartSeries[] lines =
        [
            Line("Ghost users", 'c', "GhostUsers", step => step.Ghosts), Line("Orphaned profiles", 'd', "OrphanedProfiles", step => step.Orphans),
        ];
        if (lines.Any(line => line.Values.Count > 0))
            place.Chart.Lines($"{place.Prefix}gaps", "Accounts without a profile, profiles without an account (most of each step)", "", lines);
        else if (place.Report.UserSync.Absent is { } absent)
            place.Note(absent);
        else
            place.Note("Ghosts and orphans were not measured in this period: Save-UserSyncMetric stores a measurement.");
    }

    private static void Outcomes(ReportPlace place, IReadOnlyList<OutcomeStep> outcomes)
    {
        if (outcomes.Count == 0)
        {
            place.Note("Nothing was linked, and nothing examined, in this period.");
            return;
        }

        var known = _outcomes.Select(o => o.Outcome).ToList();
        var layers = outcomes
            .GroupBy(step => step.Outcome, StringComparer.Ordinal)
            .OrderBy(outcome => known.IndexOf(outcome.Key) is var place and >= 0 ? place : known.Count)
            .ThenBy(outcome => outcome.Key, StringComparer.Ordinal)
            .Select(outcome => new ChartSeries(
                ReportText.Short(outcome.Key),
                _outcomes.Where(o => o.Outcome == outcome.Key).Select(o => o.Look).DefaultIfEmpty('e').First(),
                outcome.ToDictionary(step => step.Step, step => (double)step.Count)))
            .ToList();
        place.Chart.Bars($"{place.Prefix}outcomes", "What the audit of links recorded, by outcome", "", layers);
    }

    private static IEnumerable<CheckStep> Of(IEnumerable<CheckStep> history, string check) =>
        history.Where(step => step.Check == check && step.Value is not null && step.Status != CheckStatus.Unknown);
}
