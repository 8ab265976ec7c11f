using System.Management.Automation;

namespace Linkage.Cmdlets.Health;

/// <summary>
/// What a status looks like in the default views: in the colours of the session's <c>$PSStyle</c>, which PowerShell takes off again where the
/// output goes to a file or a pipe, or NO_COLOR is set. The objects themselves keep plain words.
/// </summary>
public static class StatusStyle
{
    /// <summary>A status in its colour.</summary>
    /// <param name="status">The status.</param>
    /// <param name="style">The session's <c>$PSStyle</c>.</param>
    public static string Apply(string? status, PSObject? style) => Apply(status, status, style);

    /// <summary>A text in the colour of a status.</summary>
    /// <param name="status">The status.</param>
    /// <param name="text">What is shown of it.</param>
    /// <param name="style">The session's <c>$PSStyle</c>.</param>
    public static string Apply(string? status, string? text, PSObject? style)
    {
        var colour = status switch
        {
            "Critical" or "failed" or "Failed" or "Disabled" or "Missing" or "SwitchedOff" or "ReplicaOnly" => Find(style, "Formatting", "Error"),
            "Warning" or "Unknown" or "interrupted" or "stopped" or "suspended" or "partly undone" => Find(style, "Formatting", "Warning"),
            "Healthy" or "completed" or "Enabled" or "Always" => Find(style, "Foreground", "Green"),
            "running" => Find(style, "Foreground", "Cyan"),
            _ => null,
        };
        return colour is null ? text ?? "" : $"{colour}{text}{Find(style, "Reset")}";
    }

    private static string? Find(PSObject? style, params string[] path)
    {
        object? found = style;
        foreach (var name in path)
            found = found is null ? null : PSObject.AsPSObject(found).Properties[name]?.Value;
        return found as string;
    }
}
