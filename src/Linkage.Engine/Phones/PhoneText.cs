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
        var number = PhoneCharacters.Clean(text);
        if (string.IsNullOrWhiteSpace(number))
            return _notANumber with { Reason = PhoneReason.Empty };

        var context = number.IndexOf(Context, StringComparison.Ordinal);
        number = context >= 0 ? InContext(number, context) : Extract(number);
        if (number is null)
            return _notANumber;
        var subaddress = number.IndexOf(";isub=", StringComparison.Ordinal);
        if (subaddress > 0)
            number = number[..subaddress];

        string? extension = null;
        number = LowerAscii(number);
        if (!Plain().IsMatch(number))
        {
            var match = ExtensionAtEnd().Match(number);
            if (match.Success && Viable().IsMatch(number.AsSpan(0, match.Index)))
            {
                extension = match.Value[(match.Value.AsSpan().TrimEnd('#').LastIndexOfAnyExceptInRange('0', '9') + 1)..].TrimEnd('#');
                number = number[..match.Index];
            }
            else if (!Viable().IsMatch(number))
                return _notANumber;
        }
        var digits = Digitize(number);
        return digits.Length < FewestDigits ? _notANumber : new PhoneText(digits, number.StartsWith('+'), extension, PhoneReason.None);
    }

    private static bool IsTooLong(string text) =>
        text.Length > LongestText && text.EnumerateRunes().Count() > LongestText;

    /// <summary>RFC 3966: the number after <c>tel:</c>, behind the prefix that its context is, unless that is a domain.</summary>
    private static string? InContext(string text, int index)
    {
        var context = text[(index + Context.Length)..];
        var end = context.IndexOf(';', StringComparison.Ordinal);
        if (end >= 0)
            context = context[..end];
        if (!GlobalNumber().IsMatch(context) && !DomainName().IsMatch(context))
            return null;
        var number = text[..index];
        var scheme = number.IndexOf(Scheme, StringComparison.Ordinal);
        if (scheme >= 0)
            number = number[(scheme + Scheme.Length)..];
        return context.StartsWith('+') ? context + number : number;
    }

    /// <summary>From the first digit or <c>+</c> to the last letter, digit or <c>#</c>, without a second number behind a slash.</summary>
    private static string? Extract(string text)
    {
        var start = text.AsSpan().IndexOfAny(_starts);
        if (start < 0)
            return null;
        var number = PhoneCharacters.TrimEnd(text[start..]);
        var second = SecondNumber().Match(number);
        return second.Success ? number[..second.Index] : number;
    }

    private static string LowerAscii(string text) =>
        string.Create(text.Length, text, static (lower, text) =>
        {
            for (var i = 0; i < lower.Length; i++)
                lower[i] = char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i];
        });

    /// <summary>The digits; letters too, by the keypad, if there are three or more.</summary>
    private static string Digitize(string number)
    {
        var isWord = number.Count(char.IsAsciiLetterLower) >= 3;
        return string.Concat(number
            .Where(c => char.IsAsciiDigit(c) || (isWord && char.IsAsciiLetterLower(c)))
            .Select(c => char.IsAsciiDigit(c) ? c : KeypadOfLetters[c - 'a']));
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
