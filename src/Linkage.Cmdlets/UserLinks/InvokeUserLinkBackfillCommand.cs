using System.Management.Automation;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Links the records of a table that have no user to their users.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "UserLinkBackfill", SupportsShouldProcess = true)]
[OutputType(typeof(UserLinkBackfillResult))]
public sealed class InvokeUserLinkBackfillCommand : RunCmdlet
{
    private string? _table;

    /// <summary>The targets, each by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = ["message_deliveries"];

    private protected override string? CurrentTable => _table;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var table in Table)
        {
            _table = table;
            RunOnEach((connection, cancellation) => RunOneAsync(
                connection, table, "Link users",
                (database, options, progress, stop) => new UserLinkBackfill(database).RunAsync(table, options, progress, stop),
                cancellation));
        }
    }

    private protected override object Result(RunReport report) => new UserLinkBackfillResult(report);
}
