namespace Linkage.Cmdlets.Tests;

public sealed class PesterTests
{
    public static IEnumerable<object[]> Results => PesterSuite.Results.Select(result => new object[] { result.Name, result.Outcome, result.Message });

    // The suite is run when the tests run, not whenever an editor lists them.
    [SkippableTheory]
    [MemberData(nameof(Results), DisableDiscoveryEnumeration = true)]
    public void In_pwsh(string name, string outcome, string message)
    {
        Skip.If(outcome is "Skipped" or "NotRun" or "Inconclusive", string.IsNullOrEmpty(message) ? $"{name} was skipped" : message);
        Assert.True(outcome == "Passed", $"{name}: {message}");
    }
}
