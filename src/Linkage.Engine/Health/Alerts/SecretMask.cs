namespace Linkage.Engine.Health.Alerts;

/// <summary>Keeps secrets out of whatever is shown, stored or raised: what receivers and libraries say may quote them.</summary>
internal sealed class SecretMask
{
    /// <summary>What stands in a secret's place.</summary>
    public const string Mask = "***";

    private const int ShortestPart = 8;

    /// <summary>To mask what is shorter would garble everything, and hide nothing.</summary>
    private const int ShortestSecret = 4;

    private readonly SortedSet<string> _secrets = new(Comparer<string>.Create(
        // the longest first, so that none leaves a part of another
        (a, b) => a.Length != b.Length ? b.Length - a.Length : string.CompareOrdinal(a, b)));

    /// <summary>Notes a secret.</summary>
    public void Add(string secret)
    {
        if (secret.Length >= ShortestSecret)
            _secrets.Add(secret);
    }

    /// <summary>Notes an address of which all but the server is secret, the parts of its path too.</summary>
    public void Add(Uri address)
    {
        Add(address.OriginalString);
        Add(address.AbsoluteUri);
        Add(address.PathAndQuery);
        Add(address.UserInfo);
        foreach (var part in address.PathAndQuery.Split('/', '?', '&', '=').Where(part => part.Length >= ShortestPart))
        {
            Add(part);
            Add(Uri.UnescapeDataString(part));
        }
    }

    /// <summary>A text without them.</summary>
    public string Hide(string text)
    {
        foreach (var secret in _secrets)
            text = text.Replace(secret, Mask, StringComparison.Ordinal);
        return text;
    }
}
