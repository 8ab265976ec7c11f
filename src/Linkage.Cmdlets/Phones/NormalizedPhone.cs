using Linkage.Engine.Phones;

namespace Linkage.Cmdlets.Phones;

/// <summary>What was found in a text that is to be a phone number.</summary>
public sealed class NormalizedPhone
{
    internal NormalizedPhone(PhoneResult result)
    {
        Input = result.Input;
        E164 = result.E164;
        Region = result.Region;
        IsPossible = result.IsPossible;
        IsValid = result.IsValid;
        Kind = result.Kind.ToString();
        IsPlaceholder = result.IsPlaceholder;
        Extension = result.Extension;
        Reason = result.Reason == PhoneReason.None ? null : result.Reason.ToString();
    }

    /// <summary>The text as it was given.</summary>
    public string? Input { get; }

    /// <summary>The number with <c>+</c> and calling code; null if it is not possible.</summary>
    public string? E164 { get; }

    /// <summary>The two letters of its region, or the calling code itself where that belongs to no country.</summary>
    public string? Region { get; }

    /// <summary>Whether its length fits the calling code; it has an E.164 form then.</summary>
    public bool IsPossible { get; }

    /// <summary>Whether it is also in a range that is assigned.</summary>
    public bool IsValid { get; }

    /// <summary>What it is used for, as far as its digits tell: FixedLine, Mobile, FixedLineOrMobile, TollFree or Unknown.</summary>
    public string Kind { get; }

    /// <summary>Whether it is written where there is no number: all digits equal, 555-01xx, 1234567890 and the like.</summary>
    public bool IsPlaceholder { get; }

    /// <summary>The digits of an extension, if there is one: others may share the line.</summary>
    public string? Extension { get; }

    /// <summary>Why it is not possible; null if it is.</summary>
    public string? Reason { get; }
}
