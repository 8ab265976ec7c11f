using System.Diagnostics;

namespace Linkage.Engine.Runs;

/// <summary>Adds up what the workers of a run get done, and tells it: never more than all of it, and never less than before.</summary>
/// <param name="runId">The run; null for a preview.</param>
/// <param name="target">What it works on.</param>
/// <param name="progress">Whom to tell, one call at a time.</param>
internal sealed class ProgressMeter(Guid? runId, string target, Action<RunProgress> progress)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Stopwatch _working = Stopwatch.StartNew();
    private readonly object _lock = new();
    private double? _share;
    private double _firstShare;
    private long? _expected;
    private long _done;
    private long _failed;

    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>How many records could not be changed.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Says what is known at the start, and tells it.</summary>
    /// <param name="share">What earlier sessions did of the walk, from 0 to 1; null where nobody knows how long it is.</param>
    /// <param name="expected">Else how many candidates there may be.</param>
    public void Start(double? share, long? expected)
    {
        lock (_lock)
        {
            (_share, _firstShare, _expected) = (share, share ?? 0, expected);
            Tell(null);
        }
    }

    /// <summary>A batch is done.</summary>
    public void Add(Batch batch)
    {
        lock (_lock)
        {
            _done += batch.Rows;
            _failed += batch.Counts.GetValueOrDefault("failed");
            _share += batch.Share ?? 0;
            Tell(null);
        }
    }

    /// <summary>The run stands still, or goes on. What it stands still is not what it takes.</summary>
    /// <param name="reason">Why; null when it goes on.</param>
    public void Hold(string? reason)
    {
        lock (_lock)
        {
            if (reason is null)
                _working.Start();
            else
                _working.Stop();
            Tell(reason);
        }
    }

    private void Tell(string? waiting)
    {
        var share = _share ?? (_expected > 0 ? Math.Min(1, (double)_done / _expected.Value) : null);
        var gained = share - _firstShare;
        progress(new RunProgress(runId, target, _done, _clock.Elapsed)
        {
            Share = share is { } known ? Math.Min(known, 1) : null,
            // Who is past what was expected does not know how much is left.
            Remaining = gained > 0 && share < 1 ? _working.Elapsed * ((1 - share.Value) / gained.Value) : null,
            RowsPerSecond = _done / Math.Max(_working.Elapsed.TotalSeconds, 0.001),
            Waiting = waiting,
        });
    }
}
