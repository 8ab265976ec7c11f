using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Runs;

namespace Linkage.Cmdlets.Runs;

/// <summary>Lists runs, newest first.</summary>
[Cmdlet(VerbsCommon.Get, "LinkageRun", DefaultParameterSetName = Filtered)]
[OutputType(typeof(LinkageRun))]
public sealed class GetLinkageRunCommand : DatabaseCmdlet
{
    private const string ById = "RunId";
    private const string Filtered = "Filter";

    /// <summary>Just these.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ById, ValueFromPipelineByPropertyName = true)]
    public Guid[] RunId { get; set; } = [];

    /// <summary>On this target.</summary>
    [Parameter(ParameterSetName = Filtered)]
    [ValidateNotNullOrEmpty]
    public string? Table { get; set; }

    /// <summary>Of this kind.</summary>
    [Parameter(ParameterSetName = Filtered)]
    [ValidateNotNullOrEmpty]
    public string? Kind { get; set; }

    /// <summary>With this status. A run whose session died is interrupted, whether or not anybody noticed yet.</summary>
    [Parameter(ParameterSetName = Filtered)]
    [ValidateSet("running", "suspended", "stopped", "interrupted", "completed", "failed", "undone", "partly undone")]
    public string? Status { get; set; }

    /// <summary>Started then or later: a date, or a time that counts back from now.</summary>
    [Parameter(ParameterSetName = Filtered)]
    [Alias("Last")]
    [PointInTime]
    public DateTime? Since { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == Filtered)
            RunOnEach(ListAsync);
        foreach (var runId in RunId)
        {
            RunOnEach(async (connection, cancellation) =>
                Emit(new LinkageRun(connection, await new RunLog(connection.Engine).GetAsync(runId, cancellation))));
        }
    }

    private async Task ListAsync(LinkageConnection connection, CancellationToken cancellation)
    {
        // ValidateSet ignores case, the database doesn't.
        var filter = new RunFilter { Target = Table, Kind = Kind, Status = Status?.ToLowerInvariant(), Since = Since };
        await foreach (var run in new RunLog(connection.Engine).FindAsync(filter, cancellation))
            Emit(new LinkageRun(connection, run));
    }
}
