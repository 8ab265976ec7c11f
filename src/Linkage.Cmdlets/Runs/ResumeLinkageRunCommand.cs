using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Lets a run go on: a suspended one in the session that holds it, any other that did not finish in this one.</summary>
[Cmdlet(VerbsLifecycle.Resume, "LinkageRun", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageRun))]
public sealed class ResumeLinkageRunCommand : RunOptionsCmdlet
{
    /// <summary>How long the other session may take to hear of it. It listens four times a second while its run is suspended.</summary>
    private static readonly TimeSpan _hearing = TimeSpan.FromSeconds(10);

    private static readonly string[] _optionNames =
    [
        .. from property in typeof(RunOptionsCmdlet).GetProperties()
           where property.DeclaringType == typeof(RunOptionsCmdlet)
           select property.Name,
    ];

    private RunRecord? _failed;

    /// <summary>The run.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public Guid? RunId { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ChangeRun(
        RunId,
        "Resume",
        async (connection, run, cancellation) =>
            await ContinueAsync(connection, run.RunId, cancellation) ?? await TakeUpAsync(connection, run, cancellation));

    private protected override object? FailedResult(LinkageConnection connection, ErrorRecord error)
    {
        var run = _failed;
        _failed = null;
        return run is null ? null : new LinkageRun(connection, run);
    }

    /// <summary>Lets it go on in the session that holds it; null if none does.</summary>
    private async Task<RunRecord?> ContinueAsync(LinkageConnection connection, Guid runId, CancellationToken cancellation)
    {
        var run = await new RunControl(connection.Engine).ContinueAsync(runId, _hearing, cancellation);
        if (run is not null && _optionNames.Where(MyInvocation.BoundParameters.ContainsKey).ToList() is { Count: > 0 } given)
        {
            EmitWarning(
                $"Run {runId} on {connection} goes on in its own session, as it was started there; -{string.Join(", -", given)} did not "
                + "change it. Set-LinkageRun changes what can be changed.");
        }

        return run;
    }

    /// <summary>Works on it in this session to its end.</summary>
    private async Task<RunRecord> TakeUpAsync(LinkageConnection connection, RunRecord run, CancellationToken cancellation)
    {
        var place = $"{run.Target} on {connection}";
        var isTaken = false;

        void Show(RunProgress progress)
        {
            isTaken |= progress.RunId is not null;
            Report(RunProgressText.Of(CmdletName, place, progress));
        }

        var log = new RunLog(connection.Engine);
        try
        {
            await new RunEngine(connection.Engine).ResumeAsync(run.RunId, Options(RunMode.Apply), Show, cancellation);
            return await log.GetAsync(run.RunId, cancellation);
        }
        catch (Exception) when (isTaken && !cancellation.IsCancellationRequested)
        {
            _failed = await log.TryGetAsync(run.RunId, cancellation);
            throw;
        }
    }
}
