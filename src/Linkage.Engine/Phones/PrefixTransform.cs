using System.Globalization;

namespace Linkage.Engine.Phones;

/// <summary>What replaces a national prefix: some digits, then what one group of its pattern caught.</summary>
/// <param name="Insert">The digits.</param>
/// <param name="Group">The number of the group, from 1.</param>
internal sealed record PrefixTransform(string Insert, int Group)
{
    /// <summary>The most digits that may be inserted.</summary>
    public const int MostInserted = 9;

    /// <summary>Reads the notation of libphonenumber, <c>268$1</c>.</summary>
    /// <exception cref="FormatException">The table holds another form than digits and one group at the end.</exception>
    public static PrefixTransform? Parse(string text)
    {
        if (text.Length == 0)
            return null;
        var parts = text.Split('$');
        return parts.Length == 2 && parts[1].Length == 1 && parts[0].Length <= MostInserted && parts[0].All(char.IsAsciiDigit)
            ? new PrefixTransform(parts[0], int.Parse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture))
            : throw new FormatException($"Unknown national prefix transform '{text}'.");
    }

    /// <summary>Writes the digits that take the place of a number with a prefix.</summary>
    /// <param name="caught">What the group caught.</param>
    /// <param name="rest">What follows the prefix.</param>
    /// <param name="room">Where to, none of the others.</param>
    public ReadOnlySpan<char> Apply(ReadOnlySpan<char> caught, ReadOnlySpan<char> rest, Span<char> room)
    {
        Insert.CopyTo(room);
        caught.CopyTo(room[Insert.Length..]);
        rest.CopyTo(room[(Insert.Length + caught.Length)..]);
        return room[..(Insert.Length + caught.Length + rest.Length)];
    }
}
