namespace Linkage.Benchmarks.Measuring;

/// <summary>One who takes part in a benchmark.</summary>
/// <param name="Name">As the results have it.</param>
/// <param name="Work">What is measured.</param>
internal sealed record Contender(string Name, Func<BenchmarkDatabase, Task> Work)
{
    /// <summary>What is done before, unmeasured.</summary>
    public Func<BenchmarkDatabase, Task> Prepare { get; init; } = _ => Task.CompletedTask;

    /// <summary>The data that it gets a copy of.</summary>
    public string Template { get; init; } = BenchmarkServer.Template;

    /// <summary>Lets contenders take turns, as many rounds as asked for, each on a fresh copy of its data.</summary>
    /// <param name="server">Where the data is.</param>
    /// <param name="options">Who is wanted, and how often.</param>
    /// <param name="contenders">In the order of their turns.</param>
    /// <param name="rows">How many rows each of them does, for rates.</param>
    /// <param name="look">Looks at what one has left, before it goes.</param>
    public static async Task<Results> TakeTurnsAsync(
        BenchmarkServer server, BenchmarkOptions options, IReadOnlyList<Contender> contenders, long rows,
        Func<Contender, BenchmarkDatabase, Task> look)
    {
        var results = new Results();
        for (var round = 0; round < options.Runs; round++)
        {
            foreach (var contender in contenders.Where(c => options.IsWanted(c.Name)))
            {
                await using var database = await server.CopyAsync(contender.Template);
                await contender.Prepare(database);
                results.Add(contender.Name, rows, await Measurement.TakeAsync(database, () => contender.Work(database)));
                await look(contender, database);
                await server.DropAsync(database);
            }
        }

        results.Print();
        return results;
    }
}
