using System.Diagnostics;

namespace Linkage.Engine.Tests;

/// <summary>Waits for what happens in another process or session.</summary>
public static class Poll
{
    /// <summary>Returns as soon as the condition holds, and fails the test if it does not within the limit (30 s unless told).</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, TimeSpan? limit = null)
    {
        var deadline = limit ?? TimeSpan.FromSeconds(30);
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < deadline, $"It did not happen within {deadline.TotalSeconds} s.");
            await Task.Delay(TimeSpan.FromMilliseconds(10));
        }
    }

    /// <inheritdoc cref="UntilAsync(Func{Task{bool}}, TimeSpan?)"/>
    public static Task UntilAsync(Func<bool> condition, TimeSpan? limit = null) => UntilAsync(() => Task.FromResult(condition()), limit);
}
