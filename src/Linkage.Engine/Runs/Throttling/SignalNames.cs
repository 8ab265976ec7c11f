namespace Linkage.Engine.Runs.Throttling;

/// <summary>What signals are called in output and in the run's row.</summary>
internal static class SignalNames
{
    public const string ReplicaLag = "replica lag";
    public const string ArchiverBacklog = "archiver backlog";
    public const string Autovacuum = "autovacuum";
    public const string LockWaits = "lock waits";
    public const string Query = "throttle query";
}
