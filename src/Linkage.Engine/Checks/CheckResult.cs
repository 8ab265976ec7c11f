namespace Linkage.Engine.Checks;

/// <summary>How a check came out. The order is that of gravity.</summary>
public enum CheckStatus
{
    /// <summary>As it should be.</summary>
    Healthy,

    /// <summary>It could not be found out.</summary>
    Unknown,

    /// <summary>Worth a look.</summary>
    Warning,

    /// <summary>Worth getting up.</summary>
    Critical,
}

/// <summary>What one check found.</summary>
/// <param name="Check">Its name, the same every time.</param>
/// <param name="Status">How it came out.</param>
/// <param name="Value">What was measured, in the check's own unit; null where nothing could be.</param>
/// <param name="Threshold">The limit that decided, in the same unit: the one that was crossed, or the lowest that was not.</param>
/// <param name="Message">In a sentence, with the remedy.</param>
/// <param name="Details">What else was measured, by name.</param>
public sealed record CheckResult(
    string Check, CheckStatus Status, double? Value, double? Threshold, string Message, IReadOnlyDictionary<string, object?> Details)
{
    /// <summary>The detail that says what a check is about where one cmdlet makes the same check for several things.</summary>
    public const string SubjectDetail = "Table";

    /// <summary>What it is about: with <see cref="Check"/> it tells this check from every other of the database. Empty where the name does.</summary>
    public string Subject => Details.GetValueOrDefault(SubjectDetail) as string ?? "";

    /// <summary>A check that could not be made, and why.</summary>
    public static CheckResult Unknown(string check, string message) =>
        new(check, CheckStatus.Unknown, null, null, message, new Dictionary<string, object?>());
}
