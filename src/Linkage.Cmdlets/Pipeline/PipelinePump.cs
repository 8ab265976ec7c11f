using System.Collections.Concurrent;
using System.Management.Automation;

namespace Linkage.Cmdlets.Pipeline;

/// <summary>
/// Runs one piece of work on a worker while the pipeline's thread carries out what the worker posts: PowerShell lets only
/// that thread write, prompt and report.
/// </summary>
internal sealed class PipelinePump : IDisposable
{
    /// <summary>How far the worker may run ahead of the pipeline.</summary>
    private const int Capacity = 64;

    /// <summary>How long a stopped cmdlet waits for its worker: cancelling on the server and rolling back are quick, a dead network is not.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly BlockingCollection<Action> _actions = new(Capacity);
    private readonly CancellationTokenSource _stop;
    private readonly int _pipelineThread = Environment.CurrentManagedThreadId;
    private Task _worker = Task.CompletedTask;

    public PipelinePump(CancellationTokenSource stop) => _stop = stop;

    public bool IsPipelineThread => Environment.CurrentManagedThreadId == _pipelineThread;

    /// <summary>Returns when the work is done and all it posted is carried out.</summary>
    /// <exception cref="WorkFailedException">The work failed.</exception>
    /// <exception cref="PipelineStoppedException">The cmdlet was stopped.</exception>
    public void Run(Func<CancellationToken, Task> work)
    {
        _worker = Task.Run(() => WorkAsync(work));
        try
        {
            using var abandon = new CancellationTokenSource();
            using var stopping = _stop.Token.Register(() => abandon.CancelAfter(_patience));
            foreach (var action in _actions.GetConsumingEnumerable(abandon.Token))
                action();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch
        {
            // The pipeline behind wants no more, or its error preference ends it: nothing more is to be done for it.
            _stop.Cancel();
            WaitForWorker();
            throw;
        }

        ThrowIfFailed();
    }

    /// <summary>Has an action carried out by the pipeline's thread; waits while that one is behind.</summary>
    /// <exception cref="OperationCanceledException">The cmdlet was stopped.</exception>
    public void Post(Action action) => _actions.Add(action, _stop.Token);

    /// <summary>Like <see cref="Post"/>, but gives up at once if the pipeline's thread is behind or the cmdlet was stopped.</summary>
    public void TryPost(Action action)
    {
        if (!_stop.IsCancellationRequested)
            _actions.TryAdd(action);
    }

    /// <summary>Has a question answered on the pipeline's thread.</summary>
    public async Task<T> AskAsync<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => answer.SetResult(question()));
        return await answer.Task.WaitAsync(_stop.Token);
    }

    public void Dispose()
    {
        // A worker that outlives its cmdlet still holds on to the queue; the last one out closes it.
        if (_worker.IsCompleted)
            _actions.Dispose();
    }

    private async Task WorkAsync(Func<CancellationToken, Task> work)
    {
        try
        {
            await work(_stop.Token);
        }
        finally
        {
            _actions.CompleteAdding();
        }
    }

    private void WaitForWorker()
    {
        try
        {
            _worker.Wait(_patience);
        }
        catch (AggregateException)
        {
            // The work was cancelled; how it says so concerns nobody any more.
        }
    }

    private void ThrowIfFailed()
    {
        try
        {
            _worker.GetAwaiter().GetResult();
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception fault)
        {
            throw new WorkFailedException(fault);
        }
    }
}
