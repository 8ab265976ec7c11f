using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Cmdlets.Runs;
using Linkage.Engine;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>Gives ghost users their profiles: those that are piped in or named, or all of them, in one run per connection.</summary>
[Cmdlet(VerbsDiagnostic.Repair, "GhostUser", SupportsShouldProcess = true, DefaultParameterSetName = ById)]
[OutputType(typeof(GhostUserRepairResult))]
public sealed class RepairGhostUserCommand : RunCmdlet
{
    private const string ById = "Id";
    private const string ByAll = "All";

    /// <summary>The ghosts that were named; null for all that there are.</summary>
    private readonly Dictionary<LinkageConnection, List<string>?> _ghosts = [];

    /// <summary>The accounts.</summary>
    [Parameter(Position = 0, ParameterSetName = ById, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[]? Id { get; set; }

    /// <summary>All ghosts that there are when the run starts.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByAll)]
    public SwitchParameter All { get; set; }

    /// <summary>Which table holds the profiles, the database tells when the run starts.</summary>
    private protected override string? CurrentTable => null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!All && Id is null)
        {
            WriteError(ErrorRecords.Create(
                "Linkage.GhostUser.NoneGiven", FaultKind.InvalidInput,
                "Say which ghosts to repair: pipe them in from Get-GhostUser, name them by -Id, or repair all of them by -All.", null));
            return;
        }

        foreach (var connection in CurrentConnections())
        {
            if (All)
                _ghosts[connection] = null;
            else if (_ghosts.TryGetValue(connection, out var known))
                known!.AddRange(Id!);
            else
                _ghosts.Add(connection, [.. Id!]);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => RunOn([.. _ghosts.Keys], async (connection, cancellation) =>
    {
        var ghosts = _ghosts[connection];
        if (ghosts is null)
        {
            await RepairAsync(connection, "all ghost users", "Create their profiles", null, cancellation);
            return;
        }

        var unusable = await new GhostUserRepair(connection.Engine).FindUnusableAsync(ghosts, cancellation);
        foreach (var (id, problem) in unusable)
            EmitError(ErrorRecords.Create("Linkage.GhostUser.Unusable", FaultKind.InvalidInput, $"{problem} ({connection})", id));
        var usable = ghosts.Except(unusable.Select(faulty => faulty.AccountId)).ToList();
        if (usable.Count == 1)
            await RepairAsync(connection, $"ghost user {usable[0]}", "Create the profile", usable, cancellation);
        else if (usable.Count > 0)
            await RepairAsync(connection, $"{usable.Count} ghost users", "Create their profiles", usable, cancellation);
    });

    private protected override object Result(RunReport report) => new GhostUserRepairResult(report);

    private protected override string? Complaint(RunReport report) => new GhostUserRepairResult(report) switch
    {
        { Failed: 0 } => null,
        var result => result.Message,
    };

    private Task RepairAsync(
        LinkageConnection connection, string subject, string action, IReadOnlyList<string>? ghosts, CancellationToken cancellation) =>
        RunOneAsync(
            connection, subject, action,
            (database, options, progress, stop) => new GhostUserRepair(database).RunAsync(ghosts, options, progress, stop),
            cancellation);
}
