using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Shows rows that share a key which a rule says is unique: which of them would stay, and what refers to the others.</summary>
[Cmdlet(VerbsCommon.Get, "DuplicateRecord")]
[OutputType(typeof(DuplicateRecord))]
public sealed class GetDuplicateRecordCommand : DatabaseCmdlet
{
    /// <summary>The rule's name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    public string Rule { get; set; } = string.Empty;

    /// <summary>At most so many groups.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var rule = Rule;
        RunOnEach(async (connection, cancellation) =>
        {
            long left = First ?? long.MaxValue;
            await foreach (var group in new Duplicates(connection.Engine).FindAsync(rule, cancellation))
            {
                Emit(new DuplicateRecord(connection, rule, group));
                if (--left == 0)
                    return;
            }
        });
    }
}
