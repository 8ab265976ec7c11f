using Linkage.Benchmarks;
using Linkage.Benchmarks.Customers;
using Linkage.Benchmarks.Measuring;
using Linkage.Benchmarks.UniqueKeys;
using Linkage.Benchmarks.UserLinks;
using Linkage.Benchmarks.UserSync;

// dotnet run -c Release --project tests/Linkage.Benchmarks -- NAME [--rows N] [--runs N] [--only WORD,...] [--docs FOLDER]
switch (args.FirstOrDefault())
{
    case "backfill":
        return await BackfillBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 3));
    case "undo":
        return await UndoBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 3));
    case "trigger":
        return await TriggerBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 3));
    case "integrity":
        return await IntegrityBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 5, rows: 10_000_000));
    case "usersync":
        return await UserSyncBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 3));
    case "customers":
        return await CustomersBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 3));
    case "duplicates":
        return await DuplicatesBenchmark.RunAsync(BenchmarkOptions.Parse(args, runs: 3, rows: 2_000_000));
    case "phones":
        var phones = BenchmarkOptions.Parse(args, runs: 5);
        await PhonesBenchmark.RunAsync(phones.Rows, phones.Runs);
        return 0;
    default:
        await Console.Error.WriteLineAsync("Name a benchmark: backfill, undo, trigger, integrity, usersync, customers, duplicates, phones.");
        return 1;
}
