using System.Globalization;
using Linkage.Engine.Sandbox;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Runs;

/// <summary>
/// Faults of all kinds at random moments, in backfills and in their undoes, while the application writes. The variable LINKAGE_SOAK_FAULTS
/// says how many to inject at least.
/// </summary>
public sealed class RunSoakTests(ITestOutputHelper output)
{
    private const int Faults = 40;

    [Fact]
    public async Task Whatever_fails_a_run_comes_to_its_end_or_is_undone_and_every_change_is_accounted_for()
    {
        var seed = TestSeed.Next(output);
        var wanted = Environment.GetEnvironmentVariable("LINKAGE_SOAK_FAULTS") is { Length: > 0 } given
            ? int.Parse(given, CultureInfo.InvariantCulture)
            : Faults;
        await using var server = await PostgresSandbox.StartAsync(
            await PostgresFixture.OptionsAsync() with { Durable = true }, CancellationToken.None);
        await using var soak = new RunSoak(server, new Random(seed), output.WriteLine);
        try
        {
            while (soak.Faults < wanted)
                await soak.RoundAsync();
        }
        finally
        {
            output.WriteLine(soak.ToString());
        }
    }
}
