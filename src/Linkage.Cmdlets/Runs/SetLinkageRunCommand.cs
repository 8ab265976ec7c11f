using System.Globalization;
using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Changes how a run goes on while a session works on it.</summary>
[Cmdlet(VerbsCommon.Set, "LinkageRun", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageRun))]
public sealed class SetLinkageRunCommand : RunControlCmdlet
{
    /// <summary>How many workers share the run from now on.</summary>
    [Parameter]
    [ValidateRange(1, 64)]
    public int? ThrottleLimit { get; set; }

    /// <summary>How long one transaction should take from now on.</summary>
    [Parameter]
    [Duration(Positive = true, MaxSeconds = 15)]
    public TimeSpan? TargetBatchTime { get; set; }

    /// <summary>After how long, counted from where its session took it up, the run stops; zero for no limit.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? MaxDuration { get; set; }

    private protected override string Action => $"Set {string.Join(", ", Changes())}";

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (!Changes().Any())
        {
            ThrowTerminatingError(ErrorRecords.Create(
                "Linkage.Run.NothingToChange", FaultKind.InvalidInput,
                "There is nothing to change: give -ThrottleLimit, -TargetBatchTime or -MaxDuration.", null));
        }
    }

    private protected override Task<RunRecord> AskAsync(
        RunControl control, Guid runId, LinkageConnection connection, CancellationToken cancellation) =>
        control.ChangeAsync(runId, ThrottleLimit, TargetBatchTime, MaxDuration, cancellation);

    private IEnumerable<string> Changes()
    {
        if (ThrottleLimit is { } limit)
            yield return string.Create(CultureInfo.InvariantCulture, $"-ThrottleLimit {limit}");
        if (TargetBatchTime is { } time)
            yield return $"-TargetBatchTime {time:c}";
        if (MaxDuration is { } duration)
            yield return duration == TimeSpan.Zero ? "-MaxDuration to no limit" : $"-MaxDuration {duration:c}";
    }
}
