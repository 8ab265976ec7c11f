using System.Management.Automation;
using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.Health;

/// <summary>
/// The base of the cmdlets that take what checks found. Each record is dealt with as it comes: where <c>-FailOn</c> ends the pipeline in an
/// error, no cmdlet behind it hears of the end.
/// </summary>
public abstract class PipedCheckCmdlet : DatabaseCmdlet
{
    /// <summary>What a check found, from any <c>Test-</c> cmdlet of the module.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public LinkageCheck InputObject { get; set; } = null!;
}
