using System.Diagnostics;
using System.Globalization;
using Linkage.Engine.Customers;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Tests.Sandbox;
using Linkage.Engine.Tests.UserSync;
using Linkage.Engine.UniqueKeys;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.Runs;

/// <summary>
/// A backfill of users or customers, a repair of ghosts, a removal of duplicates, or another run, in a process of its own, which can be killed at any moment. It tells
/// its progress line by line, and goes on when it is answered, so that it is never done before it is killed.
/// </summary>
internal static class KilledBackfill
{
    public const string Order = "backfill";

    /// <summary>What the process does: a backfill of users or customers, a repair of ghosts, a removal of duplicates (rule document_idx), or with a run's id its resumption or its undo.</summary>
    public static async Task RunAsync(string connectionString, string batchSize, string workers, string work, string run)
    {
        await using var database = await LinkageDatabase.OpenAsync(connectionString, CancellationToken.None);
        var options = RunScene.Options(Number(batchSize)) with { Settings = new() { ThrottleLimit = Number(workers) } };
        await (work switch
        {
            "resume" => new RunEngine(database).ResumeAsync(Guid.Parse(run), options, Tell, CancellationToken.None),
            "undo" => new RunUndo(database).UndoAsync(Guid.Parse(run), allowRelink: true, options, Tell, CancellationToken.None),
            "customers" => new CustomerBackfill(database).RunAsync(new CustomerMatch(), options, Tell, CancellationToken.None),
            "duplicates" => new DuplicateRemoval(database).RunAsync("document_idx", options, Tell, CancellationToken.None),
            "ghosts" => UserSyncScene.RepairAsync(database, null, options, Tell),
            _ => new UserLinkBackfill(database).RunAsync(RunScene.Target, options, Tell, CancellationToken.None),
        });
    }

    /// <summary>Starts one and kills it after so many lines and a moment more; returns its run.</summary>
    public static async Task<Guid> KillAsync(
        string connectionString, int batchSize, int lines, int spins, int workers = 2, string work = "start", Guid run = default)
    {
        using var process = Process.Start(
            new ProcessStartInfo(
                "dotnet",
                [
                    typeof(CrashingCaller).Assembly.Location, Order, connectionString, Text(batchSize), Text(workers), work, run.ToString(),
                ])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        string? line = null;
        for (var i = 0; i < lines && await process.StandardOutput.ReadLineAsync() is { } next; i++)
        {
            line = next;
            await process.StandardInput.WriteLineAsync();
            await process.StandardInput.FlushAsync();
        }

        // Anywhere in the batch, not just between two.
        Thread.SpinWait(spins);
        process.Kill();
        await process.WaitForExitAsync();
        return Guid.Parse(line!);
    }

    private static void Tell(RunProgress progress)
    {
        Console.WriteLine(progress.RunId);
        Console.ReadLine();
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
