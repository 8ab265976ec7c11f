using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>What repairing records of one table came to.</summary>
public sealed class UserLinkRepairResult : RunOutcome
{
    internal UserLinkRepairResult(RunReport report)
        : base(report)
    {
        Linked = report.Counts.Of("linked");
        Relinked = report.Counts.Of("relinked");
        Unlinked = report.Counts.Of("unlinked");
        Unchanged = report.Counts.Of("unchanged");
        NoMatch = report.Counts.Of("no_match");
        Ambiguous = report.Counts.Of("ambiguous");
        Skipped = report.Counts.Of("skipped");
        Suppressed = report.Counts.Of("suppressed");
    }

    /// <summary>How many had no user and have one now.</summary>
    public long Linked { get; }

    /// <summary>How many went from a wrong user to the one that the rules give.</summary>
    public long Relinked { get; }

    /// <summary>How many lost a wrong user, since the rules give none.</summary>
    public long Unlinked { get; }

    /// <summary>How many have a user with whom nothing is wrong.</summary>
    public long Unchanged { get; }

    /// <summary>How many had no user, and there is none for them.</summary>
    public long NoMatch { get; }

    /// <summary>How many had no user, and there are several for them.</summary>
    public long Ambiguous { get; }

    /// <summary>How many were left alone: changed since they were listed, gone, feature off, no event, no usable phone, or suppressed.</summary>
    public long Skipped { get; }

    /// <summary>How many of the skipped an undo keeps from the user that the rules give.</summary>
    public long Suppressed { get; }
}
