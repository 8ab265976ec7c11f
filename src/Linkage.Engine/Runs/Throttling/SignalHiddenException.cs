namespace Linkage.Engine.Runs.Throttling;

/// <summary>A built-in signal can't be read: the server refused, or left out what only a more privileged role may see.</summary>
internal sealed class SignalHiddenException(string message, Exception? cause = null) : Exception(message, cause);
