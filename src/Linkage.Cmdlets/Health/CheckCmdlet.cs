using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Checks;

namespace Linkage.Cmdlets.Health;

/// <summary>The base of the cmdlets that check a database: one record per check, or one Boolean.</summary>
public abstract class CheckCmdlet : DatabaseCmdlet
{
    private readonly List<string> _failed = [];

    /// <summary>Emit just whether every check is healthy, one Boolean for each connection.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>End in a terminating error, after all records, if a check is as grave as this.</summary>
    [Parameter]
    [ValidateSet(nameof(CheckStatus.Warning), nameof(CheckStatus.Critical))]
    public string? FailOn { get; set; }

    /// <summary>The checks that stand for all others where these can't be made.</summary>
    private protected virtual string[] StandIns => [CmdletName];

    /// <summary>Makes the checks on one database.</summary>
    private protected abstract IAsyncEnumerable<CheckResult> CheckAsync(LinkageConnection connection, CancellationToken cancellation);

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        CheckStatus? failOn = FailOn is null ? null : Enum.Parse<CheckStatus>(FailOn, ignoreCase: true);
        var isHealthy = true;
        await foreach (var result in CheckAsync(connection, cancellation))
        {
            isHealthy &= result.Status == CheckStatus.Healthy;
            if (result.Status >= failOn)
                _failed.Add($"{result.Check} is {result.Status} ({connection}): {result.Message}");
            if (!Quiet)
                Emit(new LinkageCheck(connection, result, StandIns));
        }

        if (Quiet)
            Emit(isHealthy);
    });

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_failed.Count > 0)
        {
            ThrowTerminatingError(ErrorRecords.Create(
                "Linkage.Check.Failed", FaultKind.InvalidState, string.Join(Environment.NewLine, _failed), CmdletName));
        }
    }

    /// <summary>A database that can't be checked is not healthy; what there is to know is in a check of the cmdlet's own name.</summary>
    private protected override object? FailedResult(LinkageConnection connection, ErrorRecord error) =>
        Quiet ? false : new LinkageCheck(connection, CheckResult.Unknown(CmdletName, error.Exception.Message));
}
