using System.Management.Automation;
using Linkage.Cmdlets.Runs;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Removes rows that share a key which a rule says is unique: one of each group stays, and what refers to the others refers to it.</summary>
[Cmdlet(VerbsCommon.Remove, "DuplicateRecord", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(DuplicateRemovalResult))]
public sealed class RemoveDuplicateRecordCommand : RunCmdlet
{
    /// <summary>The rule's name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    public string Rule { get; set; } = string.Empty;

    /// <summary>Which table the rule is for, the database tells when the run starts.</summary>
    private protected override string? CurrentTable => null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var rule = Rule;
        RunOnEach((connection, cancellation) => RunOneAsync(
            connection, $"duplicates of rule {rule}", "Remove",
            (database, options, progress, stop) => new DuplicateRemoval(database).RunAsync(rule, options, progress, stop),
            cancellation));
    }

    private protected override object Result(RunReport report) => new DuplicateRemovalResult(report, Rule);
}
