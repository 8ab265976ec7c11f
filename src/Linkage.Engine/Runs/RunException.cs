using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>What can be wrong with a run, by the SQLSTATE that the database's functions raise.</summary>
public enum RunFault
{
    /// <summary>LK001: another run holds the target.</summary>
    TargetHeld,

    /// <summary>LK002: the run was taken over, stopped or finished by another session.</summary>
    NoLongerRunning,

    /// <summary>LK003: the database lacks a function of this module's version.</summary>
    SchemaOutdated,

    /// <summary>LK004: there is no such run.</summary>
    NotFound,

    /// <summary>LK005: there is nothing to undo.</summary>
    NothingToUndo,

    /// <summary>A batch failed for a reason that will not pass.</summary>
    BatchFailed,
}

/// <summary>A run that could not start, go on or be undone.</summary>
public sealed class RunException : Exception
{
    /// <summary>Says what is wrong with which run.</summary>
    public RunException(RunFault fault, string message, Guid? runId = null, Exception? inner = null)
        : base(message, inner)
    {
        Fault = fault;
        RunId = runId;
    }

    /// <summary>What is wrong.</summary>
    public RunFault Fault { get; }

    /// <summary>The run that the message is about: the holder of the target, or the run that failed.</summary>
    public Guid? RunId { get; }

    internal static RunException? From(PostgresException exception)
    {
        RunFault? fault = exception.SqlState switch
        {
            "LK001" => RunFault.TargetHeld,
            "LK002" => RunFault.NoLongerRunning,
            "LK003" => RunFault.SchemaOutdated,
            "LK004" => RunFault.NotFound,
            "LK005" => RunFault.NothingToUndo,
            _ => null,
        };
        var message = exception.Hint is { Length: > 0 } hint ? $"{exception.MessageText} {hint}" : exception.MessageText;
        return fault is null ? null : new RunException(fault.Value, message, Guid.TryParse(exception.Detail, out var id) ? id : null, exception);
    }
}
