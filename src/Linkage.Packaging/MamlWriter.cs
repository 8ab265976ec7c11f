using System.Globalization;
using System.Xml.Linq;

namespace Linkage.Packaging;

/// <summary>Writes the help pages in MAML, the form that <c>Get-Help</c> reads for compiled cmdlets.</summary>
public sealed class MamlWriter
{
    private static readonly XNamespace _maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace _command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace _dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    private readonly HelpPages _pages;

    /// <summary>Makes a writer for these pages.</summary>
    public MamlWriter(HelpPages pages) => _pages = pages;

    /// <summary>Writes the help of all cmdlets that have a page.</summary>
    public XDocument Write()
    {
        XNamespace items = "http://msh";
        return new XDocument(new XElement(
            items + "helpItems",
            new XAttribute("schema", "maml"),
            from cmdlet in _pages.Cmdlets
            let page = _pages.Of(cmdlet)
            where page is not null
            select Command(cmdlet, page)));
    }

    private XElement Command(CmdletDescription cmdlet, HelpPage page) => new(
        _command + "command",
        new XAttribute(XNamespace.Xmlns + "maml", _maml),
        new XAttribute(XNamespace.Xmlns + "command", _command),
        new XAttribute(XNamespace.Xmlns + "dev", _dev),
        new XElement(
            _command + "details",
            new XElement(_command + "name", cmdlet.Name),
            new XElement(_command + "verb", cmdlet.Verb),
            new XElement(_command + "noun", cmdlet.Noun),
            Text(_maml + "description", page.Synopsis)),
        Text(_maml + "description", page.Description),
        new XElement(_command + "syntax", cmdlet.ParameterSets.Select(set => Syntax(cmdlet, page, set))),
        new XElement(
            _command + "parameters",
            cmdlet.Parameters.Select(parameter => Parameter(page, parameter, cmdlet.ParameterSets.First(parameter.IsIn))),
            WhatIfAndConfirm(cmdlet)),
        new XElement(_command + "inputTypes", page.Inputs.Select(input => TypeAndText(_command + "inputType", input))),
        new XElement(_command + "returnValues", page.Outputs.Select(output => TypeAndText(_command + "returnValue", output))),
        new XElement(_maml + "alertSet", Text(_maml + "alert", page.Notes)),
        new XElement(_command + "examples", page.Examples.Select(Example)),
        new XElement(_command + "relatedLinks", page.RelatedLinks.Select(link => new XElement(
            _maml + "navigationLink", new XElement(_maml + "linkText", link), new XElement(_maml + "uri")))));

    private XElement Syntax(CmdletDescription cmdlet, HelpPage page, string set) => new(
        _command + "syntaxItem",
        new XElement(_maml + "name", cmdlet.Name),
        SyntaxText.Ordered(cmdlet, set).Select(parameter => Parameter(page, parameter, set)),
        WhatIfAndConfirm(cmdlet));

    private XElement Parameter(HelpPage page, ParameterDescription parameter, string set) => Parameter(
        parameter.Name,
        _pages.TextOf(page, parameter) ?? string.Empty,
        parameter.TypeName,
        parameter.IsSwitch,
        parameter.IsMandatory(set),
        parameter.Position(set)?.ToString(CultureInfo.InvariantCulture) ?? "named",
        parameter.PipelineInput(set),
        parameter.Aliases.Count == 0 ? "none" : string.Join(", ", parameter.Aliases),
        parameter.DefaultValue);

    private static IEnumerable<XElement> WhatIfAndConfirm(CmdletDescription cmdlet)
    {
        if (!cmdlet.SupportsShouldProcess)
            yield break;
        yield return Parameter(
            "WhatIf", "Shows what would happen; nothing is changed.", "SwitchParameter", true, false, "named", "False", "wi", "False");
        yield return Parameter("Confirm", "Asks before anything is changed.", "SwitchParameter", true, false, "named", "False", "cf", "False");
    }

    private static XElement Parameter(
        string name, string text, string type, bool isSwitch, bool mandatory, string position, string pipelineInput, string aliases, string defaultValue) => new(
        _command + "parameter",
        new XAttribute("required", mandatory),
        new XAttribute("variableLength", type.EndsWith("[]", StringComparison.Ordinal)),
        new XAttribute("globbing", false),
        new XAttribute("pipelineInput", pipelineInput),
        new XAttribute("position", position),
        new XAttribute("aliases", aliases),
        new XElement(_maml + "name", name),
        Text(_maml + "description", text),
        isSwitch ? null : new XElement(
            _command + "parameterValue", new XAttribute("required", true), new XAttribute("variableLength", false), type),
        new XElement(_dev + "type", new XElement(_maml + "name", type), new XElement(_maml + "uri")),
        new XElement(_dev + "defaultValue", defaultValue));

    private static XElement Example(HelpExample example) => new(
        _command + "example",
        new XElement(_maml + "title", $"-------- {example.Title} --------"),
        new XElement(_dev + "code", example.Code),
        Text(_dev + "remarks", example.Remarks));

    private static XElement TypeAndText(XName name, (string Heading, string Body) part) => new(
        name,
        new XElement(_dev + "type", new XElement(_maml + "name", part.Heading)),
        Text(_maml + "description", part.Body));

    /// <summary>Paragraphs, without what only a page in a browser shows.</summary>
    private static XElement Text(XName name, string markdown) => new(
        name,
        from paragraph in markdown.Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        select new XElement(_maml + "para", PlainText.Of(paragraph)));
}
