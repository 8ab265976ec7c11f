namespace Linkage.Cmdlets.Runs;

/// <summary>What an undo came to. It is itself a run: pipe it into Undo-LinkageRun to take it back.</summary>
public sealed class LinkageUndoResult : RunOutcome
{
    internal LinkageUndoResult(RunReport report, Guid? undoneRunId)
        : base(report)
    {
        UndoneRunId = undoneRunId;
        RolledBack = report.Counts.Of("rolled_back");
        Unchanged = report.Counts.Of("unchanged");
        Conflicts = report.Counts.Of("conflicts");
    }

    /// <summary>The run that was undone; null for an undo by time.</summary>
    public Guid? UndoneRunId { get; }

    /// <summary>How many were taken back.</summary>
    public long RolledBack { get; }

    /// <summary>How many had been taken back already.</summary>
    public long Unchanged { get; }

    /// <summary>How many were left alone, since somebody changed the record after the run, or it is gone.</summary>
    public long Conflicts { get; }
}
