namespace Linkage.Engine.Health.Alerts;

/// <summary>How the attempts to tell a channel came out.</summary>
/// <param name="Attempts">How many there were.</param>
/// <param name="Problem">Why the last one failed, or who did not get it; null if all is well.</param>
/// <param name="HasArrived">Whether it arrived, at least at some.</param>
internal sealed record AlertDelivery(int Attempts, string? Problem, bool HasArrived)
{
    /// <summary>Tries until it arrives, fails for good, or was tried often enough, at growing intervals that no two senders
    /// share.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="message">What it is told.</param>
    /// <param name="recipients">Who gets mail, if not those of the channel.</param>
    /// <param name="options">How long to try.</param>
    /// <param name="retries">How often.</param>
    /// <param name="waiting">Told before each wait how long it will be.</param>
    /// <param name="time">The clock of the waits.</param>
    /// <param name="cancellation">Ends it; nobody knows then whether it arrived.</param>
    public static async Task<AlertDelivery> SendAsync(
        IAlertChannel channel, AlertMessage message, IReadOnlyList<string> recipients, AlertOptions options, int retries,
        Func<TimeSpan, Task> waiting, TimeProvider time, CancellationToken cancellation)
    {
        for (var attempts = 1; ; attempts++)
        {
            try
            {
                await AttemptAsync(channel, message, recipients, options.Timeout, cancellation);
                return new AlertDelivery(attempts, null, true);
            }
            catch (AlertPartlySentException partly)
            {
                return new AlertDelivery(attempts, partly.Message, true);
            }
            catch (AlertChannelException fault)
            {
                if (!fault.IsPassing || attempts > retries)
                    return new AlertDelivery(attempts, fault.Message, false);
                if (fault.RetryAfter > AlertOptions.LongestPause)
                    return new AlertDelivery(attempts, $"{fault.Message}; it asks to be left alone for {fault.RetryAfter:g}", false);
                var pause = Backoff.After(options.RetryInterval, attempts, AlertOptions.LongestPause);
                pause = fault.RetryAfter > pause ? fault.RetryAfter.Value : pause;
                await waiting(pause);
                await Task.Delay(pause, time, cancellation);
            }
        }
    }

    private static async Task AttemptAsync(
        IAlertChannel channel, AlertMessage message, IReadOnlyList<string> recipients, TimeSpan timeout, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            await channel.SendAsync(message, recipients, limit.Token);
        }
        catch (Exception fault) when (
            limit.IsCancellationRequested && !cancellation.IsCancellationRequested && fault is not AlertPartlySentException)
        {
            throw new AlertChannelException($"it did not answer within {timeout.TotalSeconds:0.#} s", isPassing: true, cause: fault);
        }
    }
}
