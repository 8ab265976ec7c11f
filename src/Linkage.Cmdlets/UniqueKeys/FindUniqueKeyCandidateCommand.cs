using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Proposes keys that tables lack, the likeliest first.</summary>
[Cmdlet(VerbsCommon.Find, "UniqueKeyCandidate")]
[OutputType(typeof(UniqueKeyCandidate))]
public sealed class FindUniqueKeyCandidateCommand : DatabaseCmdlet
{
    private const int ActivityId = 1;

    /// <summary>The tables, in SQL notation; all of the application's schema without it.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string[] Table { get; set; } = [];

    /// <summary>How many rows of each table are read at most.</summary>
    [Parameter]
    [ValidateRange(100, 10_000_000)]
    public int SampleRows { get; set; } = 100_000;

    /// <summary>How long it may take; tables that were not looked at by then are left out.</summary>
    [Parameter]
    [Duration(Positive = true)]
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    protected override void ProcessRecord() => RunOnEach(async (connection, cancellation) =>
    {
        var options = new KeyCandidateOptions { Tables = Table, SampleRows = SampleRows, MaxDuration = MaxDuration };
        var report = await new KeyCandidates(connection.Engine).FindAsync(
            options,
            table => Report(new ProgressRecord(ActivityId, $"Looking for keys on {connection}", table)),
            cancellation);
        var rank = 0;
        foreach (var candidate in report.Candidates)
            Emit(new UniqueKeyCandidate(connection, candidate, ++rank));
        if (report.LeftOut.Count > 0)
        {
            EmitWarning(
                $"Not looked at within {MaxDuration}: {string.Join(", ", report.LeftOut)}. Name them by -Table, or give -MaxDuration.");
        }
    });
}
