namespace Linkage.Engine.Schema;

/// <summary>A database that Linkage can't be installed in or used on as it is. The message names what is missing and the remedy.</summary>
public sealed class SchemaException : LinkageException
{
    /// <summary>Says what is wrong and what to do.</summary>
    public SchemaException(string message, Exception? inner = null)
        : base("Linkage.Schema.Unfit", FaultKind.InvalidState, message, inner)
    {
    }
}
