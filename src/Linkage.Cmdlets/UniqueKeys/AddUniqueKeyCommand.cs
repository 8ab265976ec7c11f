using System.Diagnostics;
using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Parameters;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;

namespace Linkage.Cmdlets.UniqueKeys;

/// <summary>Builds the keys of rules while the application goes on writing.</summary>
[Cmdlet(VerbsCommon.Add, "UniqueKey", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(UniqueKey), typeof(string))]
public sealed class AddUniqueKeyCommand : DatabaseCmdlet
{
    private const int ActivityId = 1;

    /// <summary>The names of the rules.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name", "Check")]
    [ValidateNotNullOrEmpty]
    public string[] Rule { get; set; } = [];

    /// <summary>Emit the SQL for psql instead of running it.</summary>
    [Parameter]
    public SwitchParameter AsScript { get; set; }

    /// <summary>After how long the build is given up.</summary>
    [Parameter]
    [Duration(Positive = true)]
    public TimeSpan? MaxDuration { get; set; }

    /// <summary>How long the build waits for its lock on the table.</summary>
    [Parameter]
    [Duration(Positive = true)]
    public TimeSpan? LockTimeout { get; set; }

    /// <summary>Rows that are there twice are an error; without it they are removed first.</summary>
    [Parameter]
    public SwitchParameter SkipRemoval { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var rule in Rule)
            RunOnEach((connection, cancellation) => AddAsync(connection, rule, cancellation));
    }

    private async Task AddAsync(LinkageConnection connection, string rule, CancellationToken cancellation)
    {
        var build = new UniqueKeyBuild(connection.Engine);
        if (AsScript)
        {
            Emit(await build.ScriptAsync(rule, cancellation));
            return;
        }

        var state = await build.FindAsync(rule, cancellation);
        if (state.State == "Enforced")
        {
            Emit(new UniqueKey(connection, state, "Unchanged", null, []));
            return;
        }

        var removal = state.Duplicates > 0 && !SkipRemoval ? $"Remove {state.Duplicates} duplicates, then build" : "Build";
        var approval = await ApproveAsync($"table {state.Table} on {connection}", $"{removal} the key of rule {rule}");
        if (approval == Approval.WhatIf)
            Emit(new UniqueKey(connection, state, "WouldAdd", null, []));
        if (approval != Approval.Given)
            return;
        var watch = Stopwatch.StartNew();
        var result = await build.AddAsync(
            rule,
            new UniqueKeyOptions
            {
                MaxDuration = MaxDuration, LockTimeout = LockTimeout, Waiting = EmitVerbose,
                Progress = progress => Show(rule, connection, progress),
                RemoveDuplicates = SkipRemoval ? null : (name, stop) => RemoveAsync(connection, name, stop),
            },
            cancellation);
        Emit(new UniqueKey(connection, result.State, result.IsAdded ? "Added" : "Unchanged", watch.Elapsed, result.RunIds));
    }

    private Task<RunResult> RemoveAsync(LinkageConnection connection, string rule, CancellationToken cancellation) =>
        new DuplicateRemoval(connection.Engine).RunAsync(
            rule, new RunOptions { Caller = CmdletName },
            progress => Report(new ProgressRecord(ActivityId, $"Removing duplicates of rule {rule} on {connection}", $"{progress.Done} groups")
            {
                CurrentOperation = progress.RunId is { } run ? $"run {run}" : string.Empty,
            }),
            cancellation);

    private void Show(string rule, LinkageConnection connection, IndexProgress progress) => Report(
        new ProgressRecord(ActivityId, $"Building the key of rule {rule} on {connection}", progress.Phase ?? "waiting for the table")
        {
            CurrentOperation = progress.Holders.Length > 0 ? $"waits for {string.Join(", ", progress.Holders)}" : string.Empty,
            PercentComplete = progress is { Done: { } done, Total: > 0 } ? (int)Math.Min(100, done * 100 / progress.Total.Value) : -1,
        });
}
