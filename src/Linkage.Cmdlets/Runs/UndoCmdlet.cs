using System.Management.Automation;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>The base of the cmdlets that undo: asks about each run by what it did, and emits one result for each.</summary>
public abstract class UndoCmdlet : RunCmdlet
{
    private Guid? _undone;
    private string? _table;

    /// <summary>Let what is undone be linked again at once; without it, triggers and backfills leave it alone.</summary>
    [Parameter]
    public SwitchParameter AllowRelink { get; set; }

    private protected override string? CurrentTable => _table;

    /// <summary>Undoes a run.</summary>
    private protected delegate Task<RunResult> Undo(
        LinkageDatabase database, Guid runId, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation);

    /// <summary>Undoes one run on each connection that is meant; a null id is an error.</summary>
    private protected void UndoRun(Guid? wanted, Undo undo)
    {
        if (wanted is not { } runId)
        {
            WriteError(RunText.NoRunId());
            return;
        }

        _undone = runId;
        _table = null;
        RunOnEach(async (connection, cancellation) =>
        {
            var run = await new RunLog(connection.Engine).GetAsync(runId, cancellation);
            _table = run.Target;
            await RunOneAsync(
                connection, RunText.Describe(run), "Undo",
                (database, options, progress, stop) => undo(database, runId, options, progress, stop), cancellation);
        });
    }

    private protected override object Result(RunReport report) => new LinkageUndoResult(report, _undone);

    /// <summary>Says what an undo by something else than a run works on.</summary>
    private protected void UndoTable(string table)
    {
        _undone = null;
        _table = table;
    }
}
