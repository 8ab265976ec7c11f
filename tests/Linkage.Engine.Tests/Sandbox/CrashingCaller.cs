using Linkage.Engine.Sandbox;

namespace Linkage.Engine.Tests.Sandbox;

/// <summary>The entry point of this assembly: a process that starts a sandbox in a given folder, and waits to be killed.</summary>
internal static class CrashingCaller
{
    public static async Task Main(string[] arguments)
    {
        var options = await PostgresFixture.OptionsAsync() with { ParentDirectory = arguments[0] };
        await using var sandbox = await PostgresSandbox.StartAsync(options, CancellationToken.None);
        Console.WriteLine(sandbox.ProcessId);
        await Task.Delay(Timeout.Infinite);
    }
}
