using System.Text.RegularExpressions;

namespace Linkage.Engine.Schema;

/// <summary>A function that a script publishes under a documented name in the application's schema, where one may stand already.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Arguments">As <c>CREATE FUNCTION</c> has them.</param>
/// <param name="Result">As <c>CREATE FUNCTION</c> has it.</param>
/// <param name="IsDirect">Whether the script creates it itself; else <c>linkage.publish_function</c> does.</param>
/// <param name="IsRevoked">Whether PUBLIC may not call it.</param>
internal sealed partial record PublishedFunction(string Name, string Arguments, string Result, bool IsDirect, bool IsRevoked)
{
    /// <summary>The types of its arguments: <c>text, integer</c>.</summary>
    public string Types => string.Join(", ", Split(Arguments).Select(a => Argument().Replace(a, "$1")));

    /// <summary>How many arguments have no default.</summary>
    public int Required => Split(Arguments).Count(a => !a.Contains(" DEFAULT ", StringComparison.OrdinalIgnoreCase));

    /// <summary>The names of its result columns, by commas; null where it returns one value.</summary>
    public string? Columns => Result.StartsWith("TABLE(", StringComparison.OrdinalIgnoreCase)
        ? string.Join(',', Split(Result[6..^1]).Select(c => c.Split(' ')[0]))
        : null;

    /// <summary>How <c>to_regprocedure</c> finds it.</summary>
    public string Signature(string schema) => $"{schema}.{Name}({Types})";

    /// <summary>
    /// What a script publishes: what it creates or has created by a call, and trigger functions that a comment declares
    /// (<c>-- publishes function {{app}}.name()</c>), since SQL makes their text.
    /// </summary>
    /// <param name="template">The script.</param>
    /// <param name="render">Fills in its tokens.</param>
    public static IEnumerable<PublishedFunction> Find(string template, Func<string, string> render)
    {
        foreach (Match match in Direct().Matches(template))
        {
            yield return new(
                match.Groups["name"].Value, render(match.Groups["arguments"].Value), match.Groups["result"].Value, IsDirect: true,
                IsRevoked: match.Groups["attributes"].Value.Contains("SECURITY DEFINER", StringComparison.Ordinal));
        }

        foreach (Match match in Declared().Matches(template))
            yield return new(match.Groups["name"].Value, string.Empty, "trigger", IsDirect: true, IsRevoked: true);

        foreach (Match match in ByCall().Matches(template))
        {
            yield return new(
                match.Groups["name"].Value, Literal(render(match.Groups["arguments"].Value)), Literal(render(match.Groups["result"].Value)),
                IsDirect: false, IsRevoked: match.Groups["reads"].Value == "NULL");
        }
    }

    /// <summary>
    /// CREATE OR REPLACE FUNCTION can't rename arguments or drop their defaults, and callers may use both: where a function stands
    /// already, the script creates it with the arguments that it has. (The body calls them <c>$1</c>, <c>$2</c>.)
    /// </summary>
    /// <param name="template">The script.</param>
    /// <param name="existing">The arguments of the function that stands there; null where none does.</param>
    public static string KeepArguments(string template, Func<PublishedFunction, string?> existing) =>
        Direct().Replace(template, match =>
        {
            var arguments = match.Groups["arguments"];
            var function = new PublishedFunction(match.Groups["name"].Value, arguments.Value, match.Groups["result"].Value, true, false);
            return existing(function) is { Length: > 0 } kept
                ? match.Value.Remove(arguments.Index - match.Index, arguments.Length).Insert(arguments.Index - match.Index, kept)
                : match.Value;
        });

    private static string[] Split(string list) =>
        list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static string Literal(string text) => text.Replace("''", "'", StringComparison.Ordinal);

    [GeneratedRegex(@"^\w+\s+(.+?)(?:\s+DEFAULT\s.*)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Argument();

    [GeneratedRegex(
        @"^CREATE OR REPLACE FUNCTION \{\{app\}\}\.(?<name>\w+)\((?<arguments>[^)]*)\)\s+RETURNS (?<result>\w+)(?<attributes>.*?)^AS ",
        RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Direct();

    [GeneratedRegex(@"^-- publishes function \{\{app\}\}\.(?<name>\w+)\(\)\r?$", RegexOptions.Multiline)]
    private static partial Regex Declared();

    [GeneratedRegex(
        @"linkage\.publish_function\(\s*'(?<name>\w+)',\s*'(?<arguments>(?:[^']|'')*)',\s*'(?<result>(?:[^']|'')*)',\s*'\w+',\s*'\w+',\s*(?<reads>NULL|ARRAY)")]
    private static partial Regex ByCall();
}

/// <summary>A trigger that a script publishes on one of the application's tables.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Table">Its table, as SQL has it.</param>
/// <param name="Function">The function that it runs, as <c>to_regprocedure</c> finds it.</param>
internal sealed partial record PublishedTrigger(string Name, string Table, string Function)
{
    /// <summary>What a script publishes by a call, or declares in a comment; its tokens are filled in.</summary>
    public static IEnumerable<PublishedTrigger> Find(string sql) =>
        Call().Matches(sql).Concat(Declared().Matches(sql)).Select(m => new PublishedTrigger(m.Groups["name"].Value, m.Groups["table"].Value, m.Groups["function"].Value));

    [GeneratedRegex(
        @"linkage\.publish_trigger\(\s*'(?<name>\w+)',\s*'(?<table>(?:[^']|'')*)',.*?EXECUTE FUNCTION (?<function>[^']+\(\))'",
        RegexOptions.Singleline)]
    private static partial Regex Call();

    [GeneratedRegex(@"^-- publishes trigger (?<name>\w+) on (?<table>\S+) by (?<function>\S+?)\r?$", RegexOptions.Multiline)]
    private static partial Regex Declared();
}
