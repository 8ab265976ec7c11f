using System.Globalization;
using Dapper;
using Linkage.Benchmarks.Measuring;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Benchmarks.UserSync;

/// <summary>
/// What it costs to keep accounts and profiles in step, beside what is written by hand: the trigger on a sign-up, the check of a million
/// accounts of which ten are ghosts, and the repair where a tenth are. The database has nothing of Linkage but this, so that no index on
/// phones adds to what all contenders do.
/// </summary>
internal static class UserSyncBenchmark
{
    private const string InStep = "template_in_step";
    private const int GhostsLeft = 10;

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(connection => LoadAsync(connection, options.Rows), "UserSync");
        var conditions = string.Create(
            CultureInfo.InvariantCulture, $"{options.Rows:N0} accounts; {options.Runs} rounds, PostgreSQL {server.Version}, fsync on");
        Console.WriteLine(conditions);

        List<IContest> contests = [];
        if (options.IsWanted("repair"))
            contests.Add(new GhostRepairContest(server, BenchmarkServer.Template));
        if (options.IsWanted("sign-up") || options.IsWanted("check"))
            await GiveProfilesAsync(server);
        if (options.IsWanted("sign-up"))
            contests.Add(new SignUpContest(server, InStep));
        if (options.IsWanted("check"))
            contests.Add(new SyncCheckContest(server, InStep));

        foreach (var contest in contests)
        {
            if (await contest.RunAsync(options.Runs) is { } fault)
            {
                await Console.Error.WriteLineAsync(fault);
                return 1;
            }

            Console.WriteLine(contest.ToMarkdown() + "\n");
        }

        if (options.Docs is { } folder)
            await WriteAsync(folder, options.Rows, conditions, contests);
        Results.PrintRatios([.. contests.SelectMany(contest => contest.Ratios)]);
        return 0;
    }

    /// <summary>What all profiles hold: how many, and a sum over them.</summary>
    public static Task<string> ProfilesAsync(BenchmarkDatabase database) => database.ScalarAsync<string>(
        "SELECT format('%s profiles, checksum %s', count(*), sum(hashtextextended(u::text, 0)::numeric)) FROM public.users u");

    private static async Task LoadAsync(NpgsqlConnection connection, int rows)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await ApplicationSchema.CreateTablesAsync(connection, CancellationToken.None);
        await AuthenticationSchema.CreateTablesAsync(connection, CancellationToken.None);
        await connection.ExecuteAsync(SqlFiles.Read("usersync_data.sql"), new { rows = (long)rows });
        await ApplicationSchema.CreateConstraintsAsync(connection, CancellationToken.None);
        await AuthenticationSchema.CreateConstraintsAsync(connection, CancellationToken.None);
        await transaction.CommitAsync();
    }

    /// <summary>Makes another template, where all ghosts but a few have got their profile.</summary>
    private static async Task GiveProfilesAsync(BenchmarkServer server)
    {
        string name;
        await using (var database = await server.CopyAsync(BenchmarkServer.Template))
        {
            name = database.Name;
            await database.ExecuteAsync(SqlFiles.Read("bare_repair.sql") + $" ORDER BY a.created_at OFFSET {GhostsLeft}");
        }

        await server.VacuumAsync(name);
        await server.RenameAsync(name, InStep);
    }

    private static async Task WriteAsync(string folder, int rows, string conditions, IEnumerable<IContest> contests)
    {
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, $"usersync-{rows}.md"), $"""
            # Keeping accounts and profiles in step

            {conditions}. Written by `dotnet run -c Release --project tests/Linkage.Benchmarks -- usersync --rows {rows} --docs docs/benchmarks`.

            {string.Join("\n\n", contests.Select(contest => contest.ToMarkdown()))}
            """.ReplaceLineEndings("\n") + "\n");
    }
}
