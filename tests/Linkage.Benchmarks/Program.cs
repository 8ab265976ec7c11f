using System.Globalization;
using Linkage.Benchmarks;

// dotnet run -c Release --project tests/Linkage.Benchmarks -- NAME [--rows N] [--runs N]
var rows = Option("--rows", 1_000_000);
var runs = (int)Option("--runs", 5);
switch (args.FirstOrDefault())
{
    case "phones":
        await PhonesBenchmark.RunAsync(rows, runs);
        return 0;
    default:
        await Console.Error.WriteLineAsync("Name a benchmark: phones.");
        return 1;
}

long Option(string name, long value)
{
    var index = Array.IndexOf(args, name);
    return index < 0 ? value : long.Parse(args[index + 1], CultureInfo.InvariantCulture);
}
