using System.Text;

namespace Linkage.Engine.Health.Reports;

/// <summary>
/// Writes HTML that is also well-formed XML. There is no way to write a text that is not encoded: elements and attributes come from short
/// lists that hold nothing that runs, loads or submits, and a link leads to a place in the same page only.
/// </summary>
internal sealed class HtmlWriter(TextWriter output)
{
    private static readonly HashSet<string> _elements = new(StringComparer.Ordinal)
    {
        "html", "head", "meta", "title", "body", "header", "nav", "main", "section", "footer", "h1", "h2", "h3", "h4", "p", "ul", "li", "a", "div",
        "span", "strong", "code", "bdi", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary", "time",
        "svg", "desc", "g", "path", "rect",
    };

    private static readonly HashSet<string> _attributes = new(StringComparer.Ordinal)
    {
        "lang", "charset", "name", "content", "http-equiv", "id", "class", "role", "tabindex", "scope", "datetime", "aria-label",
        "aria-labelledby", "aria-hidden", "viewBox", "preserveAspectRatio", "focusable", "d", "x", "y", "width", "height",
    };

    /// <summary>The first line of the page.</summary>
    public void DocumentType() => output.Write("<!DOCTYPE html>\n");

    /// <summary>An element with what the content writes.</summary>
    public void Element(string name, Action content, params (string Name, string? Value)[] attributes)
    {
        Start(name, attributes);
        output.Write('>');
        content();
        output.Write("</");
        output.Write(name);
        output.Write('>');
    }

    /// <summary>An element with a text.</summary>
    public void Element(string name, string text, params (string Name, string? Value)[] attributes) =>
        Element(name, () => Text(text), attributes);

    /// <summary>An element without content.</summary>
    public void Empty(string name, params (string Name, string? Value)[] attributes)
    {
        Start(name, attributes);
        output.Write("/>");
    }

    /// <summary>A link to a place in the page.</summary>
    public void Link(string id, string text, params (string Name, string? Value)[] attributes)
    {
        Start("a", attributes);
        output.Write(" href=\"#");
        Encode(id);
        output.Write("\">");
        Text(text);
        output.Write("</a>");
    }

    /// <summary>The style sheet, the one text that stands as it is; it is the module's own.</summary>
    public void Style()
    {
        output.Write("<style>");
        output.Write(ReportStyle.Text);
        output.Write("</style>");
    }

    /// <summary>A text.</summary>
    public void Text(string text) => Encode(text);

    /// <summary>Ends a line of the source; a blank in the page.</summary>
    public void Line() => output.Write('\n');

    private void Start(string name, (string Name, string? Value)[] attributes)
    {
        if (!_elements.Contains(name))
            throw new InvalidOperationException($"A report has no element {name}.");
        output.Write('<');
        output.Write(name);
        foreach (var attribute in attributes)
        {
            if (!_attributes.Contains(attribute.Name))
                throw new InvalidOperationException($"A report has no attribute {attribute.Name}.");
            if (attribute.Value is null)
                continue;
            output.Write(' ');
            output.Write(attribute.Name);
            output.Write("=\"");
            Encode(attribute.Value);
            output.Write('"');
        }
    }

    // What neither HTML nor XML may hold (control characters, halves of surrogate pairs) is shown as a replacement character.
    private void Encode(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '<':
                    output.Write("&lt;");
                    break;
                case '>':
                    output.Write("&gt;");
                    break;
                case '&':
                    output.Write("&amp;");
                    break;
                case '"':
                    output.Write("&quot;");
                    break;
                case '\'':
                    output.Write("&#39;");
                    break;
                default:
                    output.Write((IsAllowed(rune) ? rune : Rune.ReplacementChar).ToString());
                    break;
            }
        }
    }

    private static bool IsAllowed(Rune rune) =>
        rune.Value is '\t' or '\n' || (!Rune.IsControl(rune) && (rune.Value & 0xFFFE) != 0xFFFE && rune.Value is not (>= 0xFDD0 and <= 0xFDEF));
}
