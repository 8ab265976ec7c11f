using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Health;
using Linkage.Cmdlets.Parameters;
using Linkage.Engine.Checks;
using Linkage.Engine.UserLinks;

namespace Linkage.Cmdlets.UserLinks;

/// <summary>Checks that deliveries have the users that they should have, and that what links them is at work.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DeliveryIntegrity")]
[OutputType(typeof(LinkageCheck), typeof(bool))]
public sealed class TestDeliveryIntegrityCommand : CheckCmdlet
{
    /// <summary>The target, by its name or its table in SQL notation.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Table { get; set; } = "message_deliveries";

    /// <summary>The inconsistency rate, in percent, above which to warn.</summary>
    [Parameter]
    [ValidateRange(0.0, 100.0)]
    public double WarningAbove { get; set; }

    /// <summary>The inconsistency rate, in percent, above which it is critical.</summary>
    [Parameter]
    [ValidateRange(0.0, 100.0)]
    public double CriticalAbove { get; set; } = 1.0;

    /// <summary>How far back triggers and backfills are looked at.</summary>
    [Parameter]
    [Duration(Positive = true)]
    public TimeSpan Last { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Count the deliveries, which reads the whole table, instead of estimating.</summary>
    [Parameter]
    public SwitchParameter Exact { get; set; }

    /// <summary>Count wrong links too, which reads the whole table and, where it must, the audit.</summary>
    [Parameter]
    public SwitchParameter Full { get; set; }

    /// <summary>The number of wrong links above which it is critical.</summary>
    [Parameter]
    [ValidateRange(0, long.MaxValue)]
    public long WrongAbove { get; set; }

    private protected override IAsyncEnumerable<CheckResult> CheckAsync(LinkageConnection connection, CancellationToken cancellation) =>
        new DeliveryIntegrity(connection.Engine).CheckAsync(
            new DeliveryIntegrityOptions
            {
                Table = Table,
                WarningAbove = WarningAbove,
                CriticalAbove = CriticalAbove,
                Last = Last,
                Exact = Exact,
                Full = Full,
                WrongAbove = WrongAbove,
            },
            cancellation);
}
