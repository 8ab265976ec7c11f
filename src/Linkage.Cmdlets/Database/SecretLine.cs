using System.Management.Automation;
using System.Management.Automation.Language;

namespace Linkage.Cmdlets.Database;

/// <summary>Keeps a connection string that stands literally in a script out of the line that errors quote.</summary>
internal static class SecretLine
{
    private const string Mask = "***";

    /// <summary>Has errors show the invocation with the text masked.</summary>
    public static void Redact(InvocationInfo invocation, string? secret)
    {
        if (string.IsNullOrEmpty(secret) || !invocation.Line.Contains(secret, StringComparison.Ordinal))
            return;

        var line = invocation.Line.Replace(secret, Mask, StringComparison.Ordinal);
        ScriptPosition At(int column) => new(invocation.ScriptName, invocation.ScriptLineNumber, column, line);
        invocation.DisplayScriptPosition = new ScriptExtent(At(invocation.OffsetInLine), At(line.TrimEnd().Length + 1));
    }
}
