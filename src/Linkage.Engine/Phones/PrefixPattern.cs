namespace Linkage.Engine.Phones;

/// <summary>
/// A prefix pattern of the table (digits, classes, <c>\d</c>, groups, alternatives, <c>?</c>, <c>{n,m}</c>, <c>$</c>), matched at the start
/// of digits. Alternatives and quantifiers choose as those of .NET's regular expressions do.
/// </summary>
/// <remarks>
/// It takes no memory to match, groups included, and tells which digits a match can begin with, so that a table of one integer per
/// calling code can say that a number has no prefix. .NET's own expressions do neither.
/// </remarks>
internal sealed class PrefixPattern
{
    /// <summary>The most groups that a pattern may have.</summary>
    public const int MostGroups = 4;

    private const int AllDigits = 0b11_1111_1111;

    private readonly Instruction[] _program;

    private PrefixPattern(Instruction[] program, int groups)
    {
        _program = program;
        Groups = groups;
        FirstDigits = DigitsAt(0);
    }

    private enum Operation
    {
        /// <summary>A digit of the set First.</summary>
        Digit,

        /// <summary>Goes on at First, or if that leads nowhere at Second; both are distances.</summary>
        Try,

        /// <summary>Goes on at the distance First.</summary>
        Jump,

        /// <summary>Notes the position as mark First.</summary>
        Mark,

        /// <summary>The end of the digits.</summary>
        End,

        /// <summary>The end of the pattern.</summary>
        Accept,
    }

    /// <summary>How many groups the pattern has.</summary>
    public int Groups { get; }

    /// <summary>The digits that a match can begin with, bit 0 for digit 0: a number that begins with another has no such prefix.</summary>
    public int FirstDigits { get; }

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="FormatException">It has a part that is not known here.</exception>
    public static PrefixPattern Parse(string pattern)
    {
        var position = 0;
        var groups = 0;
        var program = Alternatives(pattern, ref position, ref groups);
        return position == pattern.Length && groups <= MostGroups
            ? new PrefixPattern([.. program, new(Operation.Accept)], groups)
            : throw Unknown(pattern, position);
    }

    /// <summary>Matches the pattern at the start of digits.</summary>
    /// <param name="digits">Digits 0 to 9 alone.</param>
    /// <param name="marks">Room for twice <see cref="Groups"/>: where each group begins and ends; -1 if it caught nothing.</param>
    /// <returns>The length of the match; -1 if there is none.</returns>
    public int Match(ReadOnlySpan<char> digits, Span<int> marks)
    {
        marks.Fill(-1);
        return Run(0, digits, 0, marks);
    }

    private int Run(int step, ReadOnlySpan<char> digits, int position, Span<int> marks)
    {
        while (true)
        {
            var (operation, first, second) = _program[step];
            switch (operation)
            {
                case Operation.Digit:
                    if (position == digits.Length || (first >> (digits[position] - '0') & 1) == 0)
                        return -1;
                    position++;
                    step++;
                    break;
                case Operation.Try:
                    var length = Run(step + first, digits, position, marks);
                    if (length >= 0)
                        return length;
                    step += second;
                    break;
                case Operation.Jump:
                    step += first;
                    break;
                case Operation.Mark:
                    var former = marks[first];
                    marks[first] = position;
                    var end = Run(step + 1, digits, position, marks);
                    if (end < 0)
                        marks[first] = former;
                    return end;
                case Operation.End:
                    if (position < digits.Length)
                        return -1;
                    step++;
                    break;
                default:
                    return position;
            }
        }
    }

    private int DigitsAt(int step)
    {
        var (operation, first, second) = _program[step];
        return operation switch
        {
            Operation.Digit => first,
            Operation.Try => DigitsAt(step + first) | DigitsAt(step + second),
            Operation.Jump => DigitsAt(step + first),
            Operation.Mark => DigitsAt(step + 1),
            _ => 0,
        };
    }

    private static List<Instruction> Alternatives(string pattern, ref int position, ref int groups)
    {
        var first = Sequence(pattern, ref position, ref groups);
        if (position == pattern.Length || pattern[position] != '|')
            return first;
        position++;
        var others = Alternatives(pattern, ref position, ref groups);
        return [new(Operation.Try, 1, first.Count + 2), .. first, new(Operation.Jump, others.Count + 1), .. others];
    }

    private static List<Instruction> Sequence(string pattern, ref int position, ref int groups)
    {
        List<Instruction> all = [];
        while (position < pattern.Length && pattern[position] is not ('|' or ')'))
        {
            var item = Item(pattern, ref position, ref groups);
            var (fewest, most) = Quantifier(pattern, ref position);
            for (var i = 0; i < fewest; i++)
                all.AddRange(item);
            List<Instruction> optional = [];
            for (var i = fewest; i < most; i++)
                optional = [new(Operation.Try, 1, item.Count + optional.Count + 1), .. item, .. optional];
            all.AddRange(optional);
        }
        return all;
    }

    private static (int Fewest, int Most) Quantifier(string pattern, ref int position)
    {
        var rest = pattern.AsSpan(position);
        if (rest.StartsWith("?"))
        {
            position++;
            return (0, 1);
        }
        if (!rest.StartsWith("{"))
            return (1, 1);
        var end = rest.IndexOf('}');
        var comma = rest[..(end + 1)].IndexOf(',');
        if (end < 0
            || !int.TryParse(rest[1..(comma < 0 ? end : comma)], out var fewest)
            || !int.TryParse(rest[((comma < 0 ? 0 : comma) + 1)..end], out var most))
        {
            throw Unknown(pattern, position);
        }
        position += end + 1;
        return (fewest, most);
    }

    private static List<Instruction> Item(string pattern, ref int position, ref int groups)
    {
        var start = position;
        switch (pattern[position++])
        {
            case '(':
                var isCapturing = !pattern.AsSpan(position).StartsWith("?:");
                position += isCapturing ? 0 : 2;
                var mark = isCapturing ? 2 * groups++ : 0;
                var inner = Alternatives(pattern, ref position, ref groups);
                if (position == pattern.Length || pattern[position++] != ')')
                    throw Unknown(pattern, start);
                return isCapturing ? [new(Operation.Mark, mark), .. inner, new(Operation.Mark, mark + 1)] : inner;
            case '[':
                var end = pattern.IndexOf(']', position);
                var members = Class(pattern, pattern.AsSpan(position, end - position));
                position = end + 1;
                return [new(Operation.Digit, members)];
            case '\\' when position < pattern.Length && pattern[position] == 'd':
                position++;
                return [new(Operation.Digit, AllDigits)];
            case '$':
                return [new(Operation.End)];
            case var c and >= '0' and <= '9':
                return [new(Operation.Digit, 1 << (c - '0'))];
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

    private readonly record struct Instruction(Operation Operation, int First = 0, int Second = 0);
}
