using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;

namespace Linkage.Cmdlets.Probe;

/// <summary>Runs a query on each connection and emits the first column, row by row.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Probe", SupportsShouldProcess = true)]
[OutputType(typeof(string))]
public sealed class InvokeProbeCommand : DatabaseCmdlet
{
    /// <summary>What to run; its one column is text.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Sql { get; set; } = string.Empty;

    /// <summary>Whether to ask before.</summary>
    [Parameter]
    public SwitchParameter Ask { get; set; }

    /// <summary>What to emit for a connection that fails.</summary>
    [Parameter]
    public string? OnFailure { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        if (Ask && await ApproveAsync($"a table on {connection}", "Probe") is not Approval.Given and var answer)
        {
            Emit(answer.ToString());
            return;
        }

        Report(new ProgressRecord(1, CmdletName, "Running"));
        EmitVerbose($"Running on {connection}.");
        await foreach (var row in connection.Engine.StreamAsync<string>(Sql, null, $"Linkage {CmdletName}", cancellation))
            Emit(row);
    });

    private protected override object? FailedResult(LinkageConnection connection, ErrorRecord error) =>
        OnFailure is { } text ? $"{text} {connection.Database}" : null;
}
