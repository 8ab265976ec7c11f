using System.Text.RegularExpressions;

namespace Linkage.Engine.UniqueKeys;

/// <summary>
/// Ids of the form <c>prefix_01HZ8HH500XK70E62NMT13PGV0</c>: what it is the id of, an underscore, and a ULID, which is 26 characters of
/// Crockford's base 32 (no I, L, O, U) that hold 128 bits.
/// </summary>
public static partial class PrefixedUlid
{
    /// <summary>Whether a text is such an id, in capitals or not.</summary>
    /// <param name="id">The text; null is none.</param>
    /// <param name="prefix">What must stand before the last underscore; null for any prefix of letters, digits and underscores.</param>
    public static bool IsValid(string? id, string? prefix = null)
    {
        var match = Form().Match(id ?? string.Empty);
        return match.Success && (prefix is null || match.Groups["prefix"].Value == prefix);
    }

    // 26 characters hold 130 bits: the first one has but three of them.
    [GeneratedRegex(@"\A(?<prefix>[A-Za-z][A-Za-z0-9_]*)_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
