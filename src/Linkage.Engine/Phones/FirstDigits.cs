namespace Linkage.Engine.Phones;

/// <summary>The digits that a match of a prefix pattern can begin with: a number that begins with another has no such prefix.</summary>
/// <remarks>
/// It lets the fast paths leave the pattern alone. It knows what the patterns of the table are made of (digits, classes, <c>\d</c>,
/// groups, alternatives, <c>?</c>, <c>{n,m}</c>, <c>$</c>) and refuses anything else.
/// </remarks>
internal static class FirstDigits
{
    /// <summary>The digits as a set of bits, bit 0 for digit 0.</summary>
    /// <exception cref="FormatException">The pattern has a part that is not known here.</exception>
    public static int Of(string pattern)
    {
        var position = 0;
        var (digits, _) = Alternatives(pattern, ref position);
        return position == pattern.Length ? digits : throw Unknown(pattern, position);
    }

    private static (int Digits, bool CanBeEmpty) Alternatives(string pattern, ref int position)
    {
        var (digits, canBeEmpty) = Sequence(pattern, ref position);
        while (position < pattern.Length && pattern[position] == '|')
        {
            position++;
            var next = Sequence(pattern, ref position);
            digits |= next.Digits;
            canBeEmpty |= next.CanBeEmpty;
        }
        return (digits, canBeEmpty);
    }

    private static (int Digits, bool CanBeEmpty) Sequence(string pattern, ref int position)
    {
        var digits = 0;
        var canBeEmpty = true;
        while (position < pattern.Length && pattern[position] is not ('|' or ')'))
        {
            var item = Quantified(pattern, ref position);
            if (canBeEmpty)
                digits |= item.Digits;
            canBeEmpty &= item.CanBeEmpty;
        }
        return (digits, canBeEmpty);
    }

    private static (int Digits, bool CanBeEmpty) Quantified(string pattern, ref int position)
    {
        var item = Item(pattern, ref position);
        if (position < pattern.Length && pattern[position] == '?')
        {
            position++;
            return (item.Digits, true);
        }
        if (position < pattern.Length && pattern[position] == '{')
        {
            var fromZero = pattern[position + 1] == '0';
            position = pattern.IndexOf('}', position) + 1;
            return (item.Digits, item.CanBeEmpty || fromZero);
        }
        return item;
    }

    private static (int Digits, bool CanBeEmpty) Item(string pattern, ref int position)
    {
        var start = position;
        switch (pattern[position++])
        {
            case '(':
                if (pattern.AsSpan(position).StartsWith("?:"))
                    position += 2;
                var inner = Alternatives(pattern, ref position);
                return position < pattern.Length && pattern[position++] == ')' ? inner : throw Unknown(pattern, start);
            case '[':
                var end = pattern.IndexOf(']', position);
                var members = Class(pattern, pattern.AsSpan(position, end - position));
                position = end + 1;
                return (members, false);
            case '\\' when position < pattern.Length && pattern[position] == 'd':
                position++;
                return (0b11_1111_1111, false);
            case '$':
                return (0, true);
            case var c and >= '0' and <= '9':
                return (1 << (c - '0'), false);
            default:
                throw Unknown(pattern, start);
        }
    }

    private static int Class(string pattern, ReadOnlySpan<char> members)
    {
        var digits = 0;
        for (var i = 0; i < members.Length; i++)
        {
            var last = i;
            if (i + 2 < members.Length && members[i + 1] == '-')
                last = i + 2;
            if (!char.IsAsciiDigit(members[i]) || !char.IsAsciiDigit(members[last]))
                throw Unknown(pattern, pattern.IndexOf('['));
            for (var digit = members[i]; digit <= members[last]; digit++)
                digits |= 1 << (digit - '0');
            i = last;
        }
        return digits;
    }

    private static FormatException Unknown(string pattern, int position) =>
        new($"The prefix pattern '{pattern}' has something unknown at {position}.");
}
