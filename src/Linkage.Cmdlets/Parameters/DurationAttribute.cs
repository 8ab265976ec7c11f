using System.Management.Automation;

namespace Linkage.Cmdlets.Parameters;

/// <summary>
/// For parameters of type <see cref="TimeSpan"/>: takes <c>500ms</c>, <c>30s</c>, <c>15m</c>, <c>24h</c>, <c>7d</c>, <c>1h30m</c>, quoted or not, and
/// TimeSpans. A number without a unit is refused, since PowerShell would take it for ticks.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether zero is refused, as a length of time that nothing fits into.</summary>
    public bool Positive { get; set; }

    /// <summary>How many seconds it may be at most; 0 for any time.</summary>
    public int MaxSeconds { get; set; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        TimeSpan? span = TimeText.Typed(inputData) switch
        {
            TimeSpan given => given,
            string text => TimeText.ReadSpan(text),
            null => null,
            _ => throw TimeText.Unreadable(inputData, orDate: false),
        };
        if (span is null && inputData is not null)
            throw TimeText.Unreadable(inputData, orDate: false);
        if (span < TimeSpan.Zero || (Positive && span == TimeSpan.Zero))
            throw new ArgumentTransformationMetadataException($"'{inputData}' must be {(Positive ? "more than zero" : "zero or more")}.");
        if (MaxSeconds > 0 && span > TimeSpan.FromSeconds(MaxSeconds))
            throw new ArgumentTransformationMetadataException($"'{inputData}' must be at most {MaxSeconds} s.");
        return span;
    }
}
