namespace Linkage.Engine.Health.Alerts;

/// <summary>Why an attempt to send something failed. The message may hold secrets; <see cref="SecretMask"/> hides them.</summary>
internal sealed class AlertChannelException(string message, bool isPassing, TimeSpan? retryAfter = null, Exception? cause = null)
    : Exception(message, cause)
{
    /// <summary>Whether another attempt may succeed.</summary>
    public bool IsPassing { get; } = isPassing;

    /// <summary>How long the receiver wants to be left alone; null if it says nothing.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
