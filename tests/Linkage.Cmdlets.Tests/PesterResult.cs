namespace Linkage.Cmdlets.Tests;

/// <summary>What came of one Pester test.</summary>
internal sealed record PesterResult(string Name, string Outcome, string Message);
