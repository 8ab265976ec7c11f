using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>
/// Says whether a run may go on, or what holds it back. Each check takes one round trip for all built-in signals, and one more for the
/// user's own probe if there is one. Not for two tasks at once: signals compare with what they read before.
/// </summary>
internal sealed class Throttle
{
    /// <summary>The error of a signal that can't be read; its subject is the signal's name.</summary>
    public const string SignalUnreadable = "Linkage.Run.SignalUnreadable";

    /// <summary>How signals are read. The time limit is the probe's; what is built in takes about a millisecond.</summary>
    public static readonly TransactionOptions Sampling = TransactionOptions.ReadOnly with
    {
        ApplicationName = "Linkage throttle",
        StatementTimeout = TimeSpan.FromSeconds(5),
    };

    private readonly LinkageDatabase _database;
    private readonly IReadOnlyList<ISignal> _signals;
    private readonly ThrottleQuery? _query;

    private Throttle(LinkageDatabase database, IReadOnlyList<ISignal> signals, ThrottleQuery? query)
    {
        _database = database;
        _signals = signals;
        _query = query;
    }

    /// <summary>Reads every wanted signal once, so that one that can't be read is known before the run changes anything.</summary>
    /// <param name="database">Where the run works.</param>
    /// <param name="table">The table that it walks, in SQL notation.</param>
    /// <param name="options">Which signals.</param>
    /// <param name="applicationName">The run's batch transactions, as pg_stat_activity shows them.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="LinkageException">
    /// <see cref="SignalUnreadable"/>: a signal can't be read; the message names the grant and the parameter that leaves the signal out.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A limit is negative.</exception>
    /// <exception cref="NpgsqlException">The connection was lost, or there is no such table.</exception>
    public static async Task<Throttle> OpenAsync(
        LinkageDatabase database, string table, ThrottleOptions options, string applicationName, CancellationToken cancellation)
    {
        List<ISignal> signals = [];
        if (options.MaxReplicaLag is { } lag)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(lag, TimeSpan.Zero, nameof(options));
            signals.Add(new ReplicaLagSignal(lag, TimeProvider.System));
        }

        if (options.MaxArchiveBacklog is { } backlog)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(backlog, nameof(options));
            signals.Add(new ArchiverBacklogSignal(backlog));
        }

        if (options.WatchAutovacuum)
        {
            var tables = await database.TransactAsync(
                Sampling,
                session => session.QuerySingleAsync<uint[]>(EmbeddedSql.Read("Runs/Throttling/vacuumed_tables.sql"), new { table }),
                cancellation);
            signals.Add(new AutovacuumSignal(tables));
        }

        if (options.WatchLockWaits)
            signals.Add(new LockWaitSignal(applicationName));

        var query = options.Query is { } text ? new ThrottleQuery(database, text) : null;
        var throttle = new Throttle(database, signals, query);
        await throttle.ReadSignalsAsync(cancellation);
        if (query is not null)
            await query.OpenAsync(cancellation);
        return throttle;
    }

    /// <summary>Reads the signals, the user's own probe only if nothing else holds.</summary>
    /// <returns>
    /// What holds the run, or null to go on. A signal that can't be read any more holds it too, and says so; it never throws for that.
    /// </returns>
    /// <exception cref="NpgsqlException">The connection was lost, or can't be made.</exception>
    public async Task<Hold?> CheckAsync(CancellationToken cancellation)
    {
        try
        {
            if (await ReadSignalsAsync(cancellation) is { } hold)
                return hold;
            return _query is not null && await _query.ReadAsync(cancellation) is { } reason ? new Hold(SignalNames.Query, reason) : null;
        }
        catch (LinkageException e) when (e.ErrorId == SignalUnreadable)
        {
            return new Hold(e.Subject!, e.Message);
        }
    }

    /// <summary>Reads all built-in signals, so that each remembers this moment, and returns the first that holds.</summary>
    private async Task<Hold?> ReadSignalsAsync(CancellationToken cancellation)
    {
        if (_signals.Count == 0)
            return null;
        var current = _signals[0];
        try
        {
            return await _database.TransactAsync(
                Sampling,
                async session =>
                {
                    Hold? first = null;
                    await using var batch = new NpgsqlBatch(session.Connection, session.Transaction);
                    foreach (var signal in _signals)
                        batch.BatchCommands.Add(signal.Command());
                    try
                    {
                        // The server's refusal of a command arrives when its answer is asked for.
                        await using var answers = await batch.ExecuteReaderAsync(cancellation);
                        foreach (var signal in _signals)
                        {
                            if (signal != current)
                            {
                                current = signal;
                                await answers.NextResultAsync(cancellation);
                            }

                            var reason = await signal.ReadAsync(answers, cancellation);
                            if (reason is not null)
                                first ??= new Hold(signal.Name, reason);
                        }
                    }
                    catch (PostgresException e) when (!TransientErrors.IsConnectionLost(e))
                    {
                        throw new SignalHiddenException($"{e.MessageText} (SQLSTATE {e.SqlState})", e);
                    }

                    return first;
                },
                cancellation);
        }
        catch (SignalHiddenException e)
        {
            throw await UnreadableAsync(current, e, cancellation);
        }
    }

    private async Task<LinkageException> UnreadableAsync(ISignal signal, SignalHiddenException cause, CancellationToken cancellation)
    {
        var functions = signal.Sources.Functions;
        // What the server refused is a function; the role matters for what it left out of an answer.
        var role = cause.InnerException is null ? signal.Sources.Role : null;
        var grants = await _database.TransactAsync(
            Sampling,
            session => session.QuerySingleAsync<string?>(
                EmbeddedSql.Read("Runs/Throttling/missing_grants.sql"), new { functions, role }),
            cancellation);
        var remedy = grants is null ? "Leave" : $"Have it granted ({grants}), or leave";
        return new LinkageException(
            SignalUnreadable,
            grants is null ? FaultKind.InvalidState : FaultKind.Denied,
            $"The signal '{signal.Name}' can't be read: {cause.Message}. {remedy} it out with {signal.Switch}.",
            cause)
        {
            Subject = signal.Name,
        };
    }
}
