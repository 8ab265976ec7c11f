using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.Checks;

namespace Linkage.Cmdlets.Health;

/// <summary>The base of the cmdlets that check a database: one record per check, or one Boolean.</summary>
public abstract class CheckCmdlet : DatabaseCmdlet
{
    /// <summary>Emit just whether every check is healthy, one Boolean for each connection.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Makes the checks on one database.</summary>
    private protected abstract IAsyncEnumerable<CheckResult> CheckAsync(LinkageConnection connection, CancellationToken cancellation);

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var isHealthy = true;
        await foreach (var result in CheckAsync(connection, cancellation))
        {
            isHealthy &= result.Status == CheckStatus.Healthy;
            if (!Quiet)
                Emit(new LinkageCheck(connection, result));
        }

        if (Quiet)
            Emit(isHealthy);
    });

    /// <summary>A database that can't be checked is not healthy; what there is to know is in a check of the cmdlet's own name.</summary>
    private protected override object? FailedResult(LinkageConnection connection, ErrorRecord error) =>
        Quiet ? false : new LinkageCheck(connection, CheckResult.Unknown(CmdletName, error.Exception.Message));
}
