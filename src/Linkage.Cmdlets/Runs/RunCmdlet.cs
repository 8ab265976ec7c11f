using System.Diagnostics;
using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>
/// The base of the cmdlets that start runs: asks once per target, shows progress with the run's id from the start, and emits one
/// result per target, failed ones included.
/// </summary>
public abstract class RunCmdlet : RunOptionsCmdlet
{
    private RunReport? _failed;

    /// <summary>Evaluate everything and record it, marked as dry; change no data.</summary>
    [Parameter]
    public SwitchParameter DryRun { get; set; }

    /// <summary>What a run needs: the database, how to run, whom to tell of progress.</summary>
    private protected delegate Task<RunResult> Start(
        LinkageDatabase database, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation);

    /// <summary>The table that is meant at the moment, if it is known, for a result that fails before the database has said so.</summary>
    private protected abstract string? CurrentTable { get; }

    /// <summary>The cmdlet's public result.</summary>
    private protected abstract object Result(RunReport report);

    /// <summary>What to warn of when a run has ended; null if there is nothing.</summary>
    private protected virtual string? Complaint(RunReport report) => report.Failed > 0 ? report.Message : null;

    /// <summary>Asks, runs and emits the result.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="subject">What is about to change; server and database are added.</param>
    /// <param name="action">What is about to be done to it.</param>
    /// <param name="start">Starts the run.</param>
    /// <param name="cancellation">Stops it.</param>
    private protected async Task RunOneAsync(
        LinkageConnection connection, string subject, string action, Start start, CancellationToken cancellation)
    {
        var place = $"{subject} on {connection}";
        if (await ModeAsync(place, action) is not { } mode)
            return;

        var clock = Stopwatch.StartNew();
        Guid? runId = null;

        void Show(RunProgress progress)
        {
            if (runId is null && progress.RunId is { } id)
            {
                runId = id;
                EmitVerbose($"Run {id} works on {place}.");
            }

            Report(RunProgressText.Of(CmdletName, place, progress));
        }

        try
        {
            var report = RunReport.Of(connection, await start(connection.Engine, Options(mode), Show, cancellation), DryRun);
            if (Complaint(report) is { } complaint)
                EmitWarning($"{place}: {complaint}");
            Emit(Result(report));
        }
        catch (Exception fault) when (!cancellation.IsCancellationRequested)
        {
            var run = runId is { } id ? await new RunLog(connection.Engine).TryGetAsync(id, cancellation) : null;
            _failed = run is null
                ? RunReport.OfFailed(connection, CurrentTable, runId, DryRun, clock.Elapsed, fault.Message)
                : RunReport.OfFailed(connection, run, clock.Elapsed, fault.Message);
            throw;
        }
    }

    private protected override object? FailedResult(LinkageConnection connection, ErrorRecord error)
    {
        var report = _failed ?? RunReport.OfFailed(connection, CurrentTable, null, DryRun, TimeSpan.Zero, error.Exception.Message);
        _failed = null;
        return Result(report);
    }

    /// <summary>How far to go; null if the user said no.</summary>
    private async Task<RunMode?> ModeAsync(string place, string action) =>
        await ApproveAsync(place, DryRun ? $"{action} (dry run: recorded, nothing changed)" : action) switch
        {
            Approval.Given => DryRun ? RunMode.DryRun : RunMode.Apply,
            Approval.WhatIf => RunMode.Preview,
            _ => null,
        };
}
