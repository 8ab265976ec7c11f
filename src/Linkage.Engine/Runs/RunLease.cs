namespace Linkage.Engine.Runs;

/// <summary>A run that this process works on.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Session">Which of the run's sessions this is: whoever takes the run over counts on, and this one can commit nothing more.</param>
/// <param name="Target">What it works on.</param>
internal sealed record RunLease(Guid RunId, int Session, string Target)
{
    /// <summary>What the server shows of its transactions: at most 63 bytes.</summary>
    public string ApplicationName(string caller) => NameOf(caller, RunId);

    /// <summary>The same, before the run begins.</summary>
    public static string NameOf(string caller, Guid runId)
    {
        var name = $"Linkage {caller} {runId:N}";
        return name[..Math.Min(63, name.Length)];
    }
}
