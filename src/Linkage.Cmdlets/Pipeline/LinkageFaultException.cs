namespace Linkage.Cmdlets.Pipeline;

/// <summary>A fault as scripts see it in <c>$_.Exception</c>: the server's code and what it concerns, as plain values.</summary>
public sealed class LinkageFaultException : Exception
{
    internal LinkageFaultException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>PostgreSQL's five-character code; null if the fault is not the server's.</summary>
    public string? SqlState { get; internal init; }

    /// <summary>The constraint that was violated, if one was.</summary>
    public string? ConstraintName { get; internal init; }

    /// <summary>The table that it concerns, if the server says so.</summary>
    public string? TableName { get; internal init; }
}
