using System.Diagnostics;
using System.Globalization;
using Linkage.Engine.Database;
using Linkage.Engine.Tests.Sandbox;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.Runs;

/// <summary>A backfill in a process of its own, which tells its progress line by line and can be killed at any moment.</summary>
internal static class KilledBackfill
{
    public const string Order = "backfill";

    /// <summary>What the process does.</summary>
    public static async Task RunAsync(string connectionString, string batchSize)
    {
        await using var database = await LinkageDatabase.OpenAsync(connectionString, CancellationToken.None);
        await new UserLinkBackfill(database).RunAsync(
            RunScene.Target, RunScene.Options(int.Parse(batchSize, CultureInfo.InvariantCulture)),
            progress => Console.WriteLine(progress.RunId), CancellationToken.None);
    }

    /// <summary>Starts one and kills it after so many lines and a moment more; returns its run.</summary>
    public static async Task<Guid> KillAsync(string connectionString, int batchSize, int lines, int spins)
    {
        using var process = Process.Start(
            new ProcessStartInfo(
                "dotnet",
                [typeof(CrashingCaller).Assembly.Location, Order, connectionString, batchSize.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
            })!;
        string? line = null;
        for (var i = 0; i < lines && await process.StandardOutput.ReadLineAsync() is { } next; i++)
            line = next;
        // Anywhere in the batch, not just between two.
        Thread.SpinWait(spins);
        process.Kill();
        await process.WaitForExitAsync();
        return Guid.Parse(line!);
    }
}
