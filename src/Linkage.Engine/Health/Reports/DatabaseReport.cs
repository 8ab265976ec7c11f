using Linkage.Engine.Checks;
using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using Linkage.Engine.UserSync;

namespace Linkage.Engine.Health.Reports;

/// <summary>What a report tells of one database, as it was at one moment.</summary>
public sealed record DatabaseReport
{
    /// <summary>The host, or the folder of the socket.</summary>
    public required string Server { get; init; }

    /// <summary>The TCP port.</summary>
    public required int Port { get; init; }

    /// <summary>The database's name.</summary>
    public required string Database { get; init; }

    /// <summary>When it was read; UTC.</summary>
    public required DateTime ReadAt { get; init; }

    /// <summary>Why nothing could be read; null if it could.</summary>
    public string? Problem { get; init; }

    /// <summary>The server's version.</summary>
    public string ServerVersion { get; init; } = "";

    /// <summary>All checks, as the Test cmdlets make them, by what they are about.</summary>
    public IReadOnlyList<CheckGroup> Groups { get; init; } = [];

    /// <summary>How checks came out over time.</summary>
    public ReportPart<IReadOnlyList<CheckStep>> History { get; init; } = ReportPart.NotRead<IReadOnlyList<CheckStep>>();

    /// <summary>Ghosts and orphans over time, as measurements of user sync found them.</summary>
    public ReportPart<IReadOnlyList<UserSyncStep>> UserSync { get; init; } = ReportPart.NotRead<IReadOnlyList<UserSyncStep>>();

    /// <summary>What linking came to over time.</summary>
    public ReportPart<IReadOnlyList<OutcomeStep>> Outcomes { get; init; } = ReportPart.NotRead<IReadOnlyList<OutcomeStep>>();

    /// <summary>Runs that started in the period, the newest first.</summary>
    public ReportPart<ReportList<RunRecord>> Runs { get; init; } = ReportPart.NotRead<ReportList<RunRecord>>();

    /// <summary>Ghost users now, the oldest first.</summary>
    public ReportPart<ReportList<GhostUser>> Ghosts { get; init; } = ReportPart.NotRead<ReportList<GhostUser>>();

    /// <summary>Orphaned profiles now.</summary>
    public ReportPart<ReportList<OrphanedProfile>> Orphans { get; init; } = ReportPart.NotRead<ReportList<OrphanedProfile>>();

    /// <summary>What was ambiguous in the period, the most frequent first.</summary>
    public ReportPart<ReportList<AmbiguousUserLink>> Ambiguous { get; init; } = ReportPart.NotRead<ReportList<AmbiguousUserLink>>();

    /// <summary>All checks in one list.</summary>
    public IEnumerable<CheckResult> Checks => Groups.SelectMany(group => group.Checks);

    /// <summary>The gravest status of its checks. What could not be found out counts only where nothing could.</summary>
    public CheckStatus Status =>
        Problem is null && Checks.Any(check => check.Status != CheckStatus.Unknown)
            ? Checks.Where(check => check.Status != CheckStatus.Unknown).Max(check => check.Status)
            : CheckStatus.Unknown;

    /// <summary>How many checks came out so.</summary>
    public int Count(CheckStatus status) => Checks.Count(check => check.Status == status);
}

/// <summary>Checks that are about one thing.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Subject">Which one, where there are several: the table; else empty.</param>
/// <param name="Checks">The checks.</param>
/// <param name="Absent">Why there are none; null where there are.</param>
public sealed record CheckGroup(CheckGroupKind Kind, string Subject, IReadOnlyList<CheckResult> Checks, string? Absent);

/// <summary>What checks can be about.</summary>
public enum CheckGroupKind
{
    /// <summary>What is installed.</summary>
    Schema,

    /// <summary>Links of one target.</summary>
    UserLinks,

    /// <summary>Accounts and profiles.</summary>
    UserSync,

    /// <summary>Leads and customers.</summary>
    Customers,

    /// <summary>Unique keys.</summary>
    UniqueKeys,
}

/// <summary>A part of a report: what was found, or why there is nothing to show.</summary>
/// <param name="Found">What was found; null where the part is absent.</param>
/// <param name="Absent">Why it is, in a sentence; null where it isn't.</param>
public sealed record ReportPart<T>(T? Found, string? Absent)
    where T : class;

/// <summary>Parts of reports.</summary>
public static class ReportPart
{
    /// <summary>A part that was not read.</summary>
    public static ReportPart<T> NotRead<T>()
        where T : class => new(null, "It was not read.");
}

/// <summary>The first rows of a list.</summary>
/// <param name="Items">Those that are shown.</param>
/// <param name="Total">How many there are.</param>
public sealed record ReportList<T>(IReadOnlyList<T> Items, long Total);

/// <summary>How one check came out within one step.</summary>
/// <param name="Check">Its name.</param>
/// <param name="Subject">What it was about, where one check is made of several things; else empty.</param>
/// <param name="Step">The step's number.</param>
/// <param name="Status">The gravest in it.</param>
/// <param name="Value">The highest value in it; null where nothing was measured.</param>
/// <param name="Times">How often it was checked.</param>
public sealed record CheckStep(string Check, string Subject, int Step, CheckStatus Status, double? Value, long Times);

/// <summary>Ghosts and orphans within one step.</summary>
/// <param name="Step">The step's number.</param>
/// <param name="Ghosts">The most in it.</param>
/// <param name="Orphans">The most in it.</param>
public sealed record UserSyncStep(int Step, long? Ghosts, long? Orphans);

/// <summary>How often one outcome was audited within one step.</summary>
/// <param name="Step">The step's number.</param>
/// <param name="Outcome">The outcome.</param>
/// <param name="Count">How often.</param>
public sealed record OutcomeStep(int Step, string Outcome, long Count);
