using Linkage.Engine.Sandbox;
using Linkage.Engine.Tests.Runs;

namespace Linkage.Engine.Tests.Sandbox;

/// <summary>
/// The entry point of this assembly: a process to be killed. It starts a sandbox in a given folder and waits, or it is in the midst of a
/// backfill.
/// </summary>
internal static class CrashingCaller
{
    public static async Task Main(string[] arguments)
    {
        if (arguments is [KilledBackfill.Order, var connectionString, var batchSize, var workers, var work, var run])
        {
            await KilledBackfill.RunAsync(connectionString, batchSize, workers, work, run);
            return;
        }

        var options = await PostgresFixture.OptionsAsync() with { ParentDirectory = arguments[0] };
        await using var sandbox = await PostgresSandbox.StartAsync(options, CancellationToken.None);
        Console.WriteLine(sandbox.ProcessId);
        await Task.Delay(Timeout.Infinite);
    }
}
