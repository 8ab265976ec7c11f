namespace Linkage.Engine.Database;

/// <summary>
/// The settings of one transaction. They are set with <c>SET LOCAL</c>, never for the session, so that they hold behind a
/// connection pooler in transaction mode too.
/// </summary>
public sealed record TransactionOptions
{
    /// <summary>A transaction that may write, with the server's own limits.</summary>
    public static TransactionOptions ReadWrite { get; } = new();

    /// <summary>A transaction in which the server itself refuses every write.</summary>
    public static TransactionOptions ReadOnly { get; } = new() { IsReadOnly = true };

    /// <summary>Whether the server refuses writes in this transaction.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>What <c>pg_stat_activity.application_name</c> shows meanwhile: the cmdlet and the run. At most 63 bytes count.</summary>
    public string? ApplicationName { get; init; }

    /// <summary>How long one statement may take before the server cancels it (57014); null leaves the server's setting.</summary>
    public TimeSpan? StatementTimeout { get; init; }

    /// <summary>How long one statement may wait for a lock before it fails (55P03); null leaves the server's setting.</summary>
    public TimeSpan? LockTimeout { get; init; }

    /// <summary>
    /// Whether the commit waits for the disk. Without it a crash of the server may lose the last transactions, whole ones only
    /// and never out of order, so it fits work that resumes from what the database itself says was done.
    /// </summary>
    public bool WaitsForDisk { get; init; } = true;

    /// <summary>Whether every statement of the transaction sees the same snapshot (REPEATABLE READ).</summary>
    public bool HasOneSnapshot { get; init; }
}
