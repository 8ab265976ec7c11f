using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>Which failures pass: the same transaction, tried again, may well succeed.</summary>
public static class TransientErrors
{
    private static readonly HashSet<string> _passing =
    [
        PostgresErrorCodes.SerializationFailure,
        PostgresErrorCodes.DeadlockDetected,
        PostgresErrorCodes.LockNotAvailable,
        PostgresErrorCodes.QueryCanceled,
        PostgresErrorCodes.AdminShutdown,
        PostgresErrorCodes.CrashShutdown,
        PostgresErrorCodes.CannotConnectNow,
        PostgresErrorCodes.TooManyConnections,
        // What the statement refers to was deleted after it had read it; the next attempt reads again.
        PostgresErrorCodes.ForeignKeyViolation,
    ];

    /// <summary>
    /// Whether it is worth trying again. A statement that the server cancelled counts (its timeout); one that the caller cancelled
    /// arrives as <see cref="OperationCanceledException"/> and does not.
    /// </summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        PostgresException server => _passing.Contains(server.SqlState) || server.SqlState.StartsWith("08", StringComparison.Ordinal),
        NpgsqlException driver => driver.IsTransient || driver.InnerException is IOException,
        _ => false,
    };

    /// <summary>Whether the connection is gone: the backend was ended, or the socket closed.</summary>
    public static bool IsConnectionLost(NpgsqlException exception) => exception is PostgresException server
        ? server.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown
        : exception.InnerException is IOException;
}
