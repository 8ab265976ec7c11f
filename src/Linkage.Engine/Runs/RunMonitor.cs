using System.Diagnostics;
using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs.Throttling;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>
/// Watches over a run while its workers work, once a second on a connection of its own: tells the database that the run is alive, hears
/// what other sessions ask of it, and looks for what holds it back. Workers pass its gate before each batch; it opens with the first look.
/// </summary>
internal sealed class RunMonitor : IAsyncDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _intervalOfStandstill = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a batch may go on after a stop was asked for, before its statement is cancelled.</summary>
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(5);

    private readonly LinkageDatabase _database;
    private readonly RunLease _lease;
    private readonly Throttle _throttle;
    private readonly ProgressMeter _meter;
    private readonly CancellationTokenSource _abort;
    private readonly CancellationTokenSource _end = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Dictionary<string, double> _holds;
    private readonly Task _watching;
    private volatile RunSettings _settings;
    private volatile Hold? _hold;
    private volatile string? _stopReason;
    private volatile bool _isSuspended;
    private volatile bool _hasLooked;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _workers;
    private int _standing;

    /// <summary>Begins to watch.</summary>
    /// <param name="database">Where the run is.</param>
    /// <param name="lease">The run.</param>
    /// <param name="settings">How it starts.</param>
    /// <param name="holds">What it was held back for in earlier sessions, in seconds by signal.</param>
    /// <param name="throttle">What holds it back.</param>
    /// <param name="meter">Is told when the run stands still.</param>
    /// <param name="abort">Is cancelled when the run is lost, or when a stop can't wait for its batches.</param>
    public RunMonitor(
        LinkageDatabase database, RunLease lease, RunSettings settings, IReadOnlyDictionary<string, double> holds, Throttle throttle,
        ProgressMeter meter, CancellationTokenSource abort)
    {
        (_database, _lease, _settings, _throttle, _meter, _abort) = (database, lease, settings, throttle, meter, abort);
        _holds = new Dictionary<string, double>(holds);
        _watching = WatchAsync();
    }

    /// <summary>How the run goes on, as it stands now.</summary>
    public RunSettings Settings => _settings;

    /// <summary>Why the run is to stop; null while it is to go on.</summary>
    public string? StopReason => _stopReason;

    /// <summary>Why the run can't be watched, or is not this session's any more; null while all is well.</summary>
    public LinkageException? Lost { get; private set; }

    /// <summary>Ends when something was heard: settings, a request, a hold.</summary>
    public Task Changed => _changed.Task;

    /// <summary>Lets a worker go on with its next batch, as soon as nothing holds the run. False if the run is to stop.</summary>
    public async Task<bool> PassAsync(CancellationToken cancellation)
    {
        if (IsStandstill)
        {
            Interlocked.Increment(ref _standing);
            try
            {
                while (IsStandstill)
                {
                    var changed = Changed;
                    if (IsStandstill)
                        await changed.WaitAsync(cancellation);
                }
            }
            finally
            {
                Interlocked.Decrement(ref _standing);
            }
        }

        cancellation.ThrowIfCancellationRequested();
        return _stopReason is null;
    }

    /// <summary>A worker has come (1) or gone (-1).</summary>
    public void Count(int workers) => Interlocked.Add(ref _workers, workers);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        _end.Dispose();
    }

    private bool IsStandstill => _stopReason is null && (_isSuspended || _hold is not null || !_hasLooked);

    private async Task WatchAsync()
    {
        var sinceStop = new Stopwatch();
        var sinceLook = Stopwatch.StartNew();
        try
        {
            while (true)
            {
                try
                {
                    await LookAsync(sinceLook);
                }
                catch (Exception e) when (e is NpgsqlException or DatabaseException)
                {
                    // A look may fail; the batches find out by themselves if the server is gone, or refuses.
                    Open();
                }
                catch (LinkageException fault)
                {
                    Lost = fault;
                }

                if (_stopReason is not null)
                    sinceStop.Start();
                if (Lost is not null || sinceStop.Elapsed > _grace)
                    await _abort.CancelAsync();
                await Task.Delay(IsStandstill ? _intervalOfStandstill : _interval, _end.Token);
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The run is over.
        }
    }

    private async Task LookAsync(Stopwatch sinceLast)
    {
        var hold = await _throttle.CheckAsync(_end.Token);
        if (_hold is { } before)
            _holds[before.Signal] = _holds.GetValueOrDefault(before.Signal) + sinceLast.Elapsed.TotalSeconds;
        sinceLast.Restart();

        var isStanding = _isSuspended && Volatile.Read(ref _standing) >= Volatile.Read(ref _workers);
        // A batch holds the run's row only for its last moment; a sign of life that has to wait longer is left out.
        var options = TransactionOptions.ReadWrite with
        {
            ApplicationName = "Linkage monitor", LockTimeout = _interval, WaitsForDisk = false,
        };
        var answer = await _database.TransactAsync(
            options,
            session => session.QuerySingleAsync<string?>(
                "SELECT linkage.beat(@runId, @session, @isStanding, @reason, @holds::jsonb)::text",
                new
                {
                    runId = _lease.RunId,
                    session = _lease.Session,
                    isStanding,
                    reason = hold?.Reason,
                    holds = JsonSerializer.Serialize(_holds),
                }),
            _end.Token);
        Hear(answer, hold);
    }

    private void Hear(string? answer, Hold? hold)
    {
        var stoodStill = _hasLooked && IsStandstill;
        if (answer is null)
        {
            Lost = new LinkageException(
                ServerFaults.NoLongerRunning, FaultKind.Conflict,
                $"Run {_lease.RunId} no longer holds {_lease.Target}: it was taken over or ended by another session.")
            {
                Subject = _lease.RunId.ToString(),
            };
        }
        else
        {
            var root = JsonDocument.Parse(answer).RootElement;
            _settings = _settings.With(root.GetProperty("settings"));
            var requested = root.GetProperty("requested").GetString();
            _isSuspended = requested == "suspend";
            _stopReason ??= requested == "stop" ? "It was stopped from another session."
                : _clock.Elapsed > _settings.MaxDuration ? $"Its time of {_settings.MaxDuration:c} is over."
                : null;
        }

        _hold = hold;
        _hasLooked = true;
        if (IsStandstill || stoodStill)
            _meter.Hold(IsStandstill ? hold?.Reason ?? "suspended" : null);
        Tell();
    }

    private void Open()
    {
        _hasLooked = true;
        Tell();
    }

    private void Tell() => Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
}
