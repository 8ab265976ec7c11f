namespace Linkage.Engine;

/// <summary>A fault that Linkage itself finds, as opposed to one that the server or the driver reports.</summary>
/// <remarks>The message names the input at fault and the remedy; it never holds a password.</remarks>
public class LinkageException : Exception
{
    /// <summary>Makes a fault.</summary>
    /// <param name="errorId">Stable and unique, such as <c>Linkage.Connection.None</c>; scripts match on it.</param>
    /// <param name="kind">What sort of fault it is.</param>
    /// <param name="message">What is wrong with which input, and what to do.</param>
    /// <param name="innerException">What caused it, if anything did.</param>
    public LinkageException(string errorId, FaultKind kind, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        ErrorId = errorId;
        Kind = kind;
    }

    /// <summary>The stable id of the fault.</summary>
    public string ErrorId { get; }

    /// <summary>What sort of fault it is.</summary>
    public FaultKind Kind { get; }

    /// <summary>What the fault is about where it is not the input: the id of the run that holds a target.</summary>
    public string? Subject { get; init; }
}
