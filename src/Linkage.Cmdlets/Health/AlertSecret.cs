using System.Management.Automation;
using System.Net;
using System.Security;

namespace Linkage.Cmdlets.Health;

/// <summary>A secret as a parameter takes it: a text, a SecureString, or the password of a credential. It shows itself to nobody.</summary>
public sealed class AlertSecret
{
    /// <summary>Takes a text.</summary>
    public AlertSecret(string text) => Value = text;

    /// <summary>Takes what Get-Secret and Read-Host -AsSecureString return.</summary>
    public AlertSecret(SecureString text) => Value = new NetworkCredential(string.Empty, text).Password;

    /// <summary>Takes the password of a credential.</summary>
    public AlertSecret(PSCredential credential)
        : this((credential ?? throw new ArgumentNullException(nameof(credential))).Password)
    {
    }

    internal string Value { get; }

    /// <summary>Asterisks.</summary>
    public override string ToString() => "***";
}
