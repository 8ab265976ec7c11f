using System.Management.Automation;

namespace Linkage.Cmdlets.Parameters;

/// <summary>
/// For parameters of type <see cref="DateTime"/>: takes a date, with or without a time and an offset, or a span of time that
/// counts back from now (<c>24h</c>, <c>7d</c>, a TimeSpan). The property gets the time in UTC.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PointInTimeAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData) => TimeText.Typed(inputData) switch
    {
        null => null,
        DateTime { Kind: DateTimeKind.Utc } given => given,
        DateTime given => given.ToUniversalTime(),
        DateTimeOffset given => given.UtcDateTime,
        TimeSpan span => Back(span),
        string text when TimeText.ReadSpan(text) is { } span => Back(span),
        string text when TimeText.ReadPoint(text) is { } point => point,
        _ => throw TimeText.Unreadable(inputData, orDate: true),
    };

    private static DateTime Back(TimeSpan span)
    {
        var now = DateTime.UtcNow;
        return span < now - DateTime.MinValue && span > now - DateTime.MaxValue
            ? now - span
            : throw new ArgumentTransformationMetadataException($"'{span}' counts back further than time goes.");
    }
}
