using Npgsql;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>One built-in signal: a query, and what its answer means. It may remember earlier answers.</summary>
internal interface ISignal
{
    /// <summary>One of <see cref="SignalNames"/>.</summary>
    string Name { get; }

    /// <summary>How a cmdlet is told to leave the signal out.</summary>
    string Switch { get; }

    /// <summary>What a role needs in order to read it, to name the grant that is missing.</summary>
    SignalSources Sources { get; }

    /// <summary>The query and its parameters.</summary>
    NpgsqlBatchCommand Command();

    /// <summary>Reads the answer.</summary>
    /// <returns>Why the run must not go on, or null.</returns>
    /// <exception cref="SignalHiddenException">The answer lacks what the role may not see.</exception>
    Task<string?> ReadAsync(NpgsqlDataReader answer, CancellationToken cancellation);
}
