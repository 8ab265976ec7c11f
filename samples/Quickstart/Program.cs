using System.Diagnostics;
using System.Runtime.InteropServices;
using Linkage.Engine;
using Npgsql;

// dotnet run --project samples/Quickstart -- [--deliveries N] [--pg VERSION|FOLDER] [--keep]
//
// Starts a throwaway PostgreSQL with sample data and does Linkage's main job there, by the engine that the cmdlets use too.
// Tour.cs reads from top to bottom; this file only ends it well: 0 when all is done, 1 when not, and no server left behind.
using var cancel = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);

try
{
    var options = Options.Parse(args);
    var clock = Stopwatch.StartNew();
    await using var tour = await Tour.StartAsync(options, cancel.Token);
    await tour.RunAsync(cancel.Token);
    Console.WriteLine($"\nAll in {clock.Elapsed.TotalSeconds:0} s.");
    if (options.Keep)
        await tour.KeepAsync(cancel.Token);
    return 0;
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync($"{e.Message}\n\n{Options.Usage}");
}
catch (OperationCanceledException) when (cancel.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("\nCancelled. The database is stopped and removed.");
}
catch (Exception e) when (e is LinkageException or NpgsqlException)
{
    await Console.Error.WriteLineAsync($"\n{e.Message}");
}

return 1;

void Cancel(PosixSignalContext signal)
{
    // A second one ends the process as usual; the sandbox goes with it.
    signal.Cancel = !cancel.IsCancellationRequested;
    cancel.Cancel();
}
