namespace Linkage.Engine.Phones;

/// <summary>What <see cref="PhoneNumber.Parse"/> found in a text.</summary>
/// <param name="Input">The text as it was given.</param>
/// <param name="E164">The number as <c>+</c>, calling code and national number, or null if it is not possible.</param>
/// <param name="Region">
/// The region of a possible number (two letters; the calling code itself where that belongs to no country). Where several share a calling
/// code, the one that the digits tell, else the main one.
/// </param>
/// <param name="IsPossible">Whether the length fits the calling code. What is possible has an E.164 form.</param>
/// <param name="IsValid">
/// Whether the digits also match the region's pattern of assigned numbers; in North America, where that pattern is any ten digits, the
/// pattern of a fixed, mobile or toll-free number.
/// </param>
/// <param name="Kind">What the number is used for.</param>
/// <param name="IsPlaceholder">
/// Whether it is written where there is no number (<see cref="PhoneNumber.IsPlaceholder"/>): also told of digits that are not possible.
/// </param>
/// <param name="Extension">The digits of an extension, or null. The E.164 form does not hold them.</param>
/// <param name="Reason">Why the number is not possible.</param>
public sealed record PhoneResult(
    string? Input, string? E164, string? Region, bool IsPossible, bool IsValid, PhoneKind Kind, bool IsPlaceholder, string? Extension,
    PhoneReason Reason);
