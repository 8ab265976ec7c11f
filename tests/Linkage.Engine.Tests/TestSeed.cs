using System.Globalization;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests;

/// <summary>The seed of a test's random data: the variable LINKAGE_TEST_SEED, or a new one, and printed in either case.</summary>
public static class TestSeed
{
    public static int Next(ITestOutputHelper output)
    {
        var given = Environment.GetEnvironmentVariable("LINKAGE_TEST_SEED");
        var seed = string.IsNullOrEmpty(given) ? Random.Shared.Next() : int.Parse(given, CultureInfo.InvariantCulture);
        output.WriteLine($"LINKAGE_TEST_SEED={seed}");
        return seed;
    }
}
