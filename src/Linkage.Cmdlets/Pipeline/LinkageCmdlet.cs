using System.Management.Automation;

namespace Linkage.Cmdlets.Pipeline;

/// <summary>
/// The base of all cmdlets. Work runs on a worker; what it emits, asks and reports is handed to the pipeline's thread as it
/// arises. Ctrl+C and a satisfied <c>Select-Object -First</c> cancel the work, and the cmdlet ends when its clean-up has ended.
/// </summary>
public abstract class LinkageCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<int> _openActivities = [];
    private PipelinePump? _pump;

    /// <summary>The cmdlet's name as the user knows it, such as <c>Get-LinkageConnection</c>.</summary>
    private protected string CmdletName => MyInvocation.MyCommand.Name;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the cmdlet holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            _stop.Dispose();
    }

    /// <summary>Cancels the running work. PowerShell calls it from another thread.</summary>
    protected override void StopProcessing()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The cmdlet had ended by itself meanwhile.
        }
    }

    /// <summary>Runs work on a worker and waits for it on the pipeline's thread. A fault ends the cmdlet with a terminating error.</summary>
    /// <param name="work">The work; it hands its token to whatever it awaits.</param>
    /// <param name="target">What the error is about, if there is one.</param>
    private protected void Run(Func<CancellationToken, Task> work, object? target = null)
    {
        using var pump = new PipelinePump(_stop);
        _pump = pump;
        try
        {
            pump.Run(work);
        }
        catch (WorkFailedException fault)
        {
            ThrowTerminatingError(ErrorRecords.From(fault.InnerException!, target));
        }
        finally
        {
            _pump = null;
            CompleteProgress();
        }
    }

    /// <summary>Emits an object; waits while the pipeline behind is busy. Any thread may call it.</summary>
    private protected void Emit(object output) => Post(() => WriteObject(output));

    /// <summary>Emits a non-terminating error. Any thread may call it.</summary>
    private protected void EmitError(ErrorRecord error) => Post(() => WriteError(error));

    /// <summary>Emits a non-terminating error that explains an exception. Any thread may call it.</summary>
    private protected void EmitError(Exception exception, object? target) => EmitError(ErrorRecords.From(exception, target));

    /// <summary>Emits a warning. Any thread may call it.</summary>
    private protected void EmitWarning(string text) => Post(() => WriteWarning(text));

    /// <summary>Emits a verbose message. Any thread may call it.</summary>
    private protected void EmitVerbose(string text) => Post(() => WriteVerbose(text));

    /// <summary>Shows progress; a report that finds the pipeline busy is dropped, as the next one replaces it. Any thread may call it.</summary>
    private protected void Report(ProgressRecord progress)
    {
        void Show()
        {
            _openActivities.Add(progress.ActivityId);
            WriteProgress(progress);
        }

        if (_pump is { IsPipelineThread: false } pump)
            pump.TryPost(Show);
        else
            Show();
    }

    /// <summary>Asks for approval on the pipeline's thread, as <c>-WhatIf</c> and <c>-Confirm</c> have it.</summary>
    /// <param name="target">What is about to change, with server and database.</param>
    /// <param name="action">What is about to be done to it.</param>
    private protected async Task<Approval> ApproveAsync(string target, string action)
    {
        if (_pump is not { IsPipelineThread: false } pump)
            return Approve(target, action);
        return await pump.AskAsync(() => Approve(target, action));
    }

    /// <summary>Whether the change is approved; false under <c>-WhatIf</c> too.</summary>
    /// <inheritdoc cref="ApproveAsync"/>
    private protected async Task<bool> ShouldProcessAsync(string target, string action) =>
        await ApproveAsync(target, action) == Approval.Given;

    private Approval Approve(string target, string action)
    {
        var description = $"Performing the operation \"{action}\" on target \"{target}\".";
        var question = $"Are you sure you want to perform this action?{Environment.NewLine}{description}";
        if (ShouldProcess(description, question, "Confirm", out var reason))
            return Approval.Given;
        return reason.HasFlag(ShouldProcessReason.WhatIf) ? Approval.WhatIf : Approval.Declined;
    }

    private void Post(Action action)
    {
        if (_pump is { IsPipelineThread: false } pump)
            pump.Post(action);
        else
            action();
    }

    private void CompleteProgress()
    {
        try
        {
            foreach (var activity in _openActivities)
                WriteProgress(new ProgressRecord(activity, CmdletName, "Done") { RecordType = ProgressRecordType.Completed });
        }
        catch (PipelineStoppedException)
        {
            // A stopped pipeline takes no more records; the host clears its progress with the pipeline.
        }

        _openActivities.Clear();
    }
}
