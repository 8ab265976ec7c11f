using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Runs;

/// <summary>What becomes of a batch that failed.</summary>
internal enum BatchFault
{
    /// <summary>The server is away: the same again, as long as there is hope that it comes back.</summary>
    Unreachable,

    /// <summary>Others were in the way: the same again, a few times.</summary>
    Collision,

    /// <summary>It took or waited too long: a smaller one.</summary>
    Timeout,

    /// <summary>A row in it can't be changed: smaller ones until it stands alone.</summary>
    Row,

    /// <summary>No batch can succeed.</summary>
    Fatal,
}

/// <summary>Tells the faults of batches apart.</summary>
internal static class BatchFaults
{
    /// <summary>Which it is.</summary>
    /// <param name="fault">What the batch ended with.</param>
    /// <param name="wasUnreachable">Whether the attempt before found the server away: a standby that is being promoted refuses writes.</param>
    public static BatchFault Classify(Exception fault, bool wasUnreachable) => fault switch
    {
        PostgresException server => server.SqlState switch
        {
            PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable => BatchFault.Timeout,
            // A foreign key: what the batch refers to was deleted after it had read it; the next attempt reads again.
            PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
                or PostgresErrorCodes.ForeignKeyViolation => BatchFault.Collision,
            PostgresErrorCodes.ReadOnlySqlTransaction when wasUnreachable => BatchFault.Unreachable,
            _ when TransientErrors.IsTransient(server) => BatchFault.Unreachable,
            _ when IsFaultOfARow(server.SqlState) => BatchFault.Row,
            _ => BatchFault.Fatal,
        },
        NpgsqlException driver when TransientErrors.IsTransient(driver) => BatchFault.Unreachable,
        _ => BatchFault.Fatal,
    };

    /// <summary>As <c>linkage.is_fault_of_a_row</c>: data, constraints, what a trigger of the application raises.</summary>
    private static bool IsFaultOfARow(string sqlState) => sqlState[..2] is "22" or "23" or "2F" or "38" or "39" or "44" or "P0";
}
