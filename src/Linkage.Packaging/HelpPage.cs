using System.Text;

namespace Linkage.Packaging;

/// <summary>A page of docs/en-US: sections under <c>##</c> headings, parts of them under <c>###</c>, as platyPS lays its pages out.</summary>
public sealed class HelpPage
{
    private const string SyntaxHeading = "SYNTAX";

    private readonly Dictionary<string, string> _sections = new(StringComparer.Ordinal);

    private HelpPage(string text)
    {
        foreach (var (heading, body) in Split(text, "## "))
            _sections[heading] = body;
    }

    /// <summary>What the cmdlet does, in one line.</summary>
    public string Synopsis => Section("SYNOPSIS");

    /// <summary>The syntax that the page shows, a line for each parameter set.</summary>
    public IReadOnlyList<string> Syntax => [.. CodeOf(Section(SyntaxHeading)).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>What one needs to know before using it.</summary>
    public string Description => Section("DESCRIPTION");

    /// <summary>What each parameter means, by name.</summary>
    public IReadOnlyDictionary<string, string> Parameters =>
        Split(Section("PARAMETERS"), "### -").ToDictionary(part => part.Heading, part => part.Body, StringComparer.Ordinal);

    /// <summary>The examples, in order.</summary>
    public IReadOnlyList<HelpExample> Examples =>
        [.. Split(Section("EXAMPLES"), "### ").Select(part => HelpExample.Parse(part.Heading, part.Body))];

    /// <summary>What it takes from the pipeline, by type.</summary>
    public IReadOnlyList<(string Heading, string Body)> Inputs => [.. Split(Section("INPUTS"), "### ")];

    /// <summary>What it emits, by type.</summary>
    public IReadOnlyList<(string Heading, string Body)> Outputs => [.. Split(Section("OUTPUTS"), "### ")];

    /// <summary>Privileges, limits, and what else a DBA asks.</summary>
    public string Notes => Section("NOTES");

    /// <summary>Names of related cmdlets.</summary>
    public IReadOnlyList<string> RelatedLinks =>
        [.. Section("RELATED LINKS").Split('\n').Where(line => line.Contains('[', StringComparison.Ordinal)).Select(line => line.Split('[', ']')[1])];

    /// <summary>Reads a page.</summary>
    public static HelpPage Read(string path) => new(File.ReadAllText(path).ReplaceLineEndings("\n"));

    /// <summary>Brings the syntax on a page up to date.</summary>
    public static void UpdateSyntax(string path, IEnumerable<string> syntax)
    {
        var text = File.ReadAllText(path).ReplaceLineEndings("\n");
        var start = text.IndexOf($"## {SyntaxHeading}\n", StringComparison.Ordinal);
        if (start < 0)
            throw new InvalidDataException($"{path} lacks the heading '## {SyntaxHeading}'.");
        var end = text.IndexOf("\n## ", start, StringComparison.Ordinal);
        var section = $"## {SyntaxHeading}\n\n```text\n{string.Join("\n\n", syntax)}\n```\n";
        File.WriteAllText(path, text[..start] + section + text[end..]);
    }

    internal static string CodeOf(string body)
    {
        var code = new StringBuilder();
        var inside = false;
        foreach (var line in body.Split('\n'))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
                inside = !inside;
            else if (inside)
                code.Append(line).Append('\n');
        }

        return code.ToString().Trim('\n');
    }

    private string Section(string heading) => _sections.GetValueOrDefault(heading, string.Empty);

    /// <summary>Parts of a text under headings; a line of code is no heading.</summary>
    private static IEnumerable<(string Heading, string Body)> Split(string text, string mark)
    {
        string? heading = null;
        var body = new StringBuilder();
        var inCode = false;
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
                inCode = !inCode;
            if (!inCode && line.StartsWith(mark, StringComparison.Ordinal))
            {
                if (heading is not null)
                    yield return (heading, body.ToString().Trim());
                heading = line[mark.Length..].Trim();
                body.Clear();
            }
            else
            {
                body.Append(line).Append('\n');
            }
        }

        if (heading is not null)
            yield return (heading, body.ToString().Trim());
    }
}
