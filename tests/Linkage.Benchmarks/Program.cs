using System.Globalization;
using Linkage.Benchmarks;
using Linkage.Benchmarks.UserLinks;

// dotnet run -c Release --project tests/Linkage.Benchmarks -- NAME [--rows N] [--runs N]
var rows = (int)Option("--rows", 1_000_000);
switch (args.FirstOrDefault())
{
    case "backfill":
        return await BackfillBenchmark.RunAsync(rows, (int)Option("--runs", 3));
    case "undo":
        return await UndoBenchmark.RunAsync(rows, (int)Option("--runs", 3));
    case "trigger":
        return await TriggerBenchmark.RunAsync(rows, (int)Option("--runs", 3));
    case "phones":
        await PhonesBenchmark.RunAsync(rows, (int)Option("--runs", 5));
        return 0;
    default:
        await Console.Error.WriteLineAsync("Name a benchmark: backfill, undo, trigger, phones.");
        return 1;
}

long Option(string name, long value)
{
    var index = Array.IndexOf(args, name);
    return index < 0 ? value : long.Parse(args[index + 1], CultureInfo.InvariantCulture);
}
