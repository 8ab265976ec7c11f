using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What linking users in one table came to.</summary>
public sealed class UserLinkBackfillResult : RunOutcome
{
    internal UserLinkBackfillResult(RunReport report)
        : base(report)
    {
        Linked = report.Counts.Of("linked");
        NoMatch = report.Counts.Of("no_match");
        Ambiguous = report.Counts.Of("ambiguous");
        Skipped = report.Counts.Of("skipped");
        Suppressed = report.Counts.Of("suppressed");
    }

    /// <summary>How many were linked.</summary>
    public long Linked { get; }

    /// <summary>For how many there is no user.</summary>
    public long NoMatch { get; }

    /// <summary>For how many there are several: never linked, always reported.</summary>
    public long Ambiguous { get; }

    /// <summary>How many could not be examined (feature off, no event, no usable phone), or were suppressed.</summary>
    public long Skipped { get; }

    /// <summary>How many of the skipped an undo has unlinked before, so that they stay so.</summary>
    public long Suppressed { get; }
}
