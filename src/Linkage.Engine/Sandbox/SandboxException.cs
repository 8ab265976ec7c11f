namespace Linkage.Engine.Sandbox;

/// <summary>A sandbox could not be started, stopped or removed; the message says what failed and what helps.</summary>
public sealed class SandboxException : LinkageException
{
    /// <summary>Creates the exception with its message and, if there is one, its cause.</summary>
    /// <param name="message">What failed and what helps.</param>
    /// <param name="innerException">The fault beneath, or null.</param>
    public SandboxException(string message, Exception? innerException = null)
        : base("Linkage.Sandbox.Failed", FaultKind.InvalidState, message, innerException)
    {
    }
}
