namespace Linkage.Cmdlets.Pipeline;

/// <summary>The answer to a request to change something.</summary>
internal enum Approval
{
    /// <summary>Do it.</summary>
    Given,

    /// <summary>The user said no.</summary>
    Declined,

    /// <summary>Show what would happen: <c>-WhatIf</c>.</summary>
    WhatIf,
}
