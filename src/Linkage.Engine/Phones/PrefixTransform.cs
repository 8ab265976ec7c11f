using System.Globalization;

namespace Linkage.Engine.Phones;

/// <summary>What replaces a national prefix: some digits, then what one group of its pattern caught.</summary>
/// <param name="Insert">The digits.</param>
/// <param name="Group">The number of the group, from 1.</param>
internal sealed record PrefixTransform(string Insert, int Group)
{
    /// <summary>Reads the notation of libphonenumber, <c>268$1</c>.</summary>
    /// <exception cref="FormatException">The table holds another form than digits and one group at the end.</exception>
    public static PrefixTransform? Parse(string text)
    {
        if (text.Length == 0)
            return null;
        var parts = text.Split('$');
        return parts.Length == 2 && parts[1].Length == 1 && parts[0].All(char.IsAsciiDigit)
            ? new PrefixTransform(parts[0], int.Parse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture))
            : throw new FormatException($"Unknown national prefix transform '{text}'.");
    }
}
