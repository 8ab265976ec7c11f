using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Linkage.Engine.Database;

namespace Linkage.Engine.Phones;

/// <summary>Writes the facts about phones into the templates of SQL functions, as literals.</summary>
public static partial class PhoneSql
{
    // The text is for people to read too: plus signs stay plus signs.
    private static readonly JsonSerializerOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Replaces the tokens of phone facts in a SQL text and leaves every other text, other tokens included, as it is:
    /// <c>{{calling_code_table}}</c> (integers by three leading digits), <c>{{phone_regions}}</c> (JSON), <c>{{phone_characters}}</c>
    /// and <c>{{phone_meanings}}</c> (arguments of <c>translate</c>), <c>{{trailing_signs}}</c> (ranges of a bracket expression),
    /// <c>{{placeholder_masks}}</c> (patterns of <c>LIKE</c>), <c>{{phone_text}}</c> (the statements that read a text).
    /// </summary>
    /// <param name="template">The SQL text.</param>
    /// <returns>The SQL text with literals. They hold no backslash but in <c>E''</c> strings: no setting changes their meaning.</returns>
    public static string Render(string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        return Token().Replace(template, match => match.Groups[1].Value switch
        {
            "calling_code_table" => $"'{{{string.Join(',', CallingCodeTable.Entries.Skip(1))}}}'",
            "phone_regions" => Regions(),
            "phone_characters" => $"E'{string.Concat(PhoneCharacters.Meanings().Select(m => Escape(m.Character)))}'",
            "phone_meanings" => $"'{string.Concat(PhoneCharacters.Meanings().Select(m => m.Meaning))}'",
            "placeholder_masks" => $"'{{{string.Join(',', PlaceholderNumber.Masks)}}}'",
            "phone_text" => Render(EmbeddedSql.Read("Phones/phone_text.sql")).TrimEnd(),
            _ => string.Concat(PhoneCharacters.Signs.Select(range => Escape(range.First) + "-" + Escape(range.Last))),
        });
    }

    /// <summary>A JSON object: each region's facts by its name, and each calling code's main region by <c>+code</c>.</summary>
    private static string Regions()
    {
        var facts = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var region in PhoneRegions.All)
            facts.Add(region.Name, Facts(region));
        foreach (var region in PhoneRegions.MainRegions)
            facts.Add("+" + region.CallingCode, region.Name);
        return "'{\n" + string.Join(",\n", facts.Select(fact => $"\"{fact.Key}\":{JsonSerializer.Serialize(fact.Value, _json)}")) + "\n}'";
    }

    private static Dictionary<string, object> Facts(PhoneRegion region)
    {
        var facts = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["code"] = region.CallingCode,
            ["lengths"] = region.Lengths,
            ["longest"] = region.LongestLength,
            ["valid"] = $"^(?:{Portable(region.GeneralPattern)})$",
        };
        // One group more than the pattern has: the first is the whole match, which PostgreSQL does not give otherwise.
        if (region.InternationalPrefixPattern.Length > 0)
            facts.Add("international", $"^({Portable(region.InternationalPrefixPattern)})");
        if (region.NationalPrefixPattern.Length > 0)
            facts.Add("national", $"^({Portable(region.NationalPrefixPattern)})");
        if (region.Transform is { } transform)
        {
            facts.Add("insert", transform.Insert);
            facts.Add("group", transform.Group + 1);
        }
        return facts;
    }

    /// <summary>A pattern that means the same in .NET and PostgreSQL, with any locale and any <c>standard_conforming_strings</c>.</summary>
    private static string Portable(string pattern) => pattern.Replace(@"\d", "[0-9]", StringComparison.Ordinal);

    private static string Escape(int character) =>
        character > 0xFFFF
            ? string.Create(CultureInfo.InvariantCulture, $@"\U{character:X8}")
            : string.Create(CultureInfo.InvariantCulture, $@"\u{character:X4}");

    [GeneratedRegex(
        @"\{\{(calling_code_table|phone_regions|phone_characters|phone_meanings|trailing_signs|placeholder_masks|phone_text)\}\}")]
    private static partial Regex Token();
}
