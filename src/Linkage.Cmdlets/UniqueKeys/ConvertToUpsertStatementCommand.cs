using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Writes the INSERT ... ON CONFLICT that fits the keys of rules.</summary>
[Cmdlet(VerbsData.ConvertTo, "UpsertStatement", DefaultParameterSetName = UpdateSet)]
[OutputType(typeof(string))]
public sealed class ConvertToUpsertStatementCommand : DatabaseCmdlet
{
    private const string UpdateSet = "Update";
    private const string NothingSet = "Nothing";

    /// <summary>The names of the rules.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    public string[] Rule { get; set; } = [];

    /// <summary>The columns that a second arrival updates; all that are inserted, but the key, without it.</summary>
    [Parameter(ParameterSetName = UpdateSet)]
    [ValidateNotNullOrEmpty]
    public string[]? Set { get; set; }

    /// <summary>A second arrival changes nothing.</summary>
    [Parameter(Mandatory = true, ParameterSetName = NothingSet)]
    public SwitchParameter DoNothing { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var rule in Rule)
        {
            RunOnEach(async (connection, cancellation) =>
                Emit(await new UpsertStatement(connection.Engine).WriteAsync(rule, Set, DoNothing, cancellation)));
        }
    }
}
