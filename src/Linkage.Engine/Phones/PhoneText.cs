using System.Buffers;
using System.Text.RegularExpressions;

namespace Linkage.Engine.Phones;

/// <summary>The number in a text: its digits, and what else was said. The first part of the SQL function <c>normalize_phone</c>.</summary>
/// <param name="Digits">The digits 0 to 9, letters of a word to dial included; empty unless <paramref name="Reason"/> is None.</param>
/// <param name="IsInternational">Whether a <c>+</c> preceded them.</param>
/// <param name="Extension">The digits of an extension, or null.</param>
/// <param name="Reason">None, Empty or NotANumber.</param>
internal readonly partial record struct PhoneText(string Digits, bool IsInternational, string? Extension, PhoneReason Reason)
{
    /// <summary>The greatest length of a text, in characters (code points, as PostgreSQL counts them).</summary>
    public const int LongestText = 250;

    private const int FewestDigits = 3;
    private const string Context = ";phone-context=";
    private const string Scheme = "tel:";
    private const string KeypadOfLetters = "22233344455566677778889999";

    private static readonly SearchValues<char> _starts = SearchValues.Create("+0123456789");
    private static readonly PhoneText _notANumber = new("", false, null, PhoneReason.NotANumber);

    /// <summary>Reads a text.</summary>
    public static PhoneText Read(string? text)
    {
        if (text is null)
            return _notANumber with { Reason = PhoneReason.Empty };
        if (IsTooLong(text))
            return _notANumber;
        var clean = PhoneCharacters.Clean(text);
        if (string.IsNullOrWhiteSpace(clean))
            return _notANumber with { Reason = PhoneReason.Empty };

        var context = clean.IndexOf(Context, StringComparison.Ordinal);
        var written = context >= 0 ? InContext(clean, context) : Extract(clean);
        var subaddress = written.IndexOf(";isub=");
        if (subaddress > 0)
            written = written[..subaddress];

        Span<char> number = stackalloc char[written.Length];
        LowerAscii(written, number);
        string? extension = null;
        if (!Plain().IsMatch(number))
        {
            var end = number.Length;
            foreach (var match in ExtensionAtEnd().EnumerateMatches(number))
                end = match.Index;
            if (end < number.Length && Viable().IsMatch(number[..end]))
            {
                var digits = number[end..].TrimEnd('#');
                extension = digits[(digits.LastIndexOfAnyExceptInRange('0', '9') + 1)..].ToString();
                number = number[..end];
            }
            else if (!Viable().IsMatch(number))
                return _notANumber;
        }
        var isInternational = number.StartsWith("+");
        number = number[..Digitize(number)];
        return number.Length < FewestDigits ? _notANumber : new PhoneText(number.ToString(), isInternational, extension, PhoneReason.None);
    }

    private static bool IsTooLong(string text) =>
        text.Length > LongestText && text.EnumerateRunes().Count() > LongestText;

    /// <summary>RFC 3966: the number after <c>tel:</c>, behind the prefix that its context is, unless that is a domain. Else nothing.</summary>
    private static ReadOnlySpan<char> InContext(ReadOnlySpan<char> text, int index)
    {
        var context = text[(index + Context.Length)..];
        var end = context.IndexOf(';');
        if (end >= 0)
            context = context[..end];
        if (!GlobalNumber().IsMatch(context) && !DomainName().IsMatch(context))
            return default;
        var number = text[..index];
        var scheme = number.IndexOf(Scheme);
        if (scheme >= 0)
            number = number[(scheme + Scheme.Length)..];
        return context.StartsWith("+") ? string.Concat(context, number) : number;
    }

    /// <summary>From the first digit or <c>+</c> to the last letter, digit or <c>#</c>, without a second number behind a slash.</summary>
    private static ReadOnlySpan<char> Extract(ReadOnlySpan<char> text)
    {
        var start = text.IndexOfAny(_starts);
        if (start < 0)
            return default;
        var number = PhoneCharacters.TrimEnd(text[start..]);
        foreach (var second in SecondNumber().EnumerateMatches(number))
            return number[..second.Index];
        return number;
    }

    private static void LowerAscii(ReadOnlySpan<char> text, Span<char> lower)
    {
        for (var i = 0; i < text.Length; i++)
            lower[i] = char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i];
    }

    /// <summary>Leaves the digits only; letters too, by the keypad, if there are three or more. Returns how many these are.</summary>
    private static int Digitize(Span<char> number)
    {
        var letters = 0;
        foreach (var c in number)
            letters += char.IsAsciiLetterLower(c) ? 1 : 0;
        var count = 0;
        foreach (var c in number)
        {
            if (char.IsAsciiDigit(c))
                number[count++] = c;
            else if (letters >= 3 && char.IsAsciiLetterLower(c))
                number[count++] = KeypadOfLetters[c - 'a'];
        }
        return count;
    }

    [GeneratedRegex(@"^\+*[][ ().0-9/*-]*\z")]
    private static partial Regex Plain();

    [GeneratedRegex(@"^(?:[0-9]{2}|\+*(?:[][x ().~/*-]*[0-9]){3}[][x ().~/*a-z0-9-]*)\z")]
    private static partial Regex Viable();

    // RFC 3966; a word; a sign; the American "- 503#"; what phones dial after a pause.
    [GeneratedRegex(
        "(?:;ext=[0-9]{1,20}"
        + "|[ ,]*(?:e?xt(?:ensi(?:o\u0301?|[\u00F3\u00D3]))?n?|[\u0434\u0414][\u043E\u041E][\u0431\u0411]|anexo)[:.]?[ ,-]*[0-9]{1,20}#?"
        + "|[ ,]*(?:[x#~]|int)[:.]?[ ,-]*[0-9]{1,9}#?"
        + "|[- ]+[0-9]{1,6}#"
        + "| *(?:,,|;)[:.]?[ ,-]*[0-9]{1,15}#?"
        + "| *,+[:.]?[ ,-]*[0-9]{1,9}#?)\\z")]
    private static partial Regex ExtensionAtEnd();

    [GeneratedRegex(@"[/\\] *x")]
    private static partial Regex SecondNumber();

    [GeneratedRegex(@"^\+[-.()0-9]*[0-9][-.()0-9]*\z")]
    private static partial Regex GlobalNumber();

    [GeneratedRegex(@"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?\z")]
    private static partial Regex DomainName();
}
