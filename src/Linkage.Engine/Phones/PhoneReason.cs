namespace Linkage.Engine.Phones;

/// <summary>Why a text is no possible phone number.</summary>
public enum PhoneReason
{
    /// <summary>It is one.</summary>
    None,

    /// <summary>There is no text, or only blanks and invisible characters.</summary>
    Empty,

    /// <summary>The text has too few digits, or characters that belong to no phone number, or more than 250 characters.</summary>
    NotANumber,

    /// <summary>No calling code is given, and the default region is unknown.</summary>
    UnknownRegion,

    /// <summary>The digits after <c>+</c> or an international prefix begin with no calling code that is in use.</summary>
    InvalidCallingCode,

    /// <summary>Fewer digits than any number of the region has.</summary>
    TooShort,

    /// <summary>More digits than any number of the region has.</summary>
    TooLong,

    /// <summary>The region has shorter and longer numbers, and none of this length.</summary>
    InvalidLength,
}
