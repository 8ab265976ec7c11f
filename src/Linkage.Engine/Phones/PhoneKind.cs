namespace Linkage.Engine.Phones;

/// <summary>What a number is used for, as far as its digits tell.</summary>
public enum PhoneKind
{
    /// <summary>The digits do not tell, or are not assigned.</summary>
    Unknown,

    /// <summary>A fixed line.</summary>
    FixedLine,

    /// <summary>A mobile phone.</summary>
    Mobile,

    /// <summary>Either: North America numbers both alike.</summary>
    FixedLineOrMobile,

    /// <summary>Free of charge for the caller.</summary>
    TollFree,
}
