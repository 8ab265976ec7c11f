using System.Xml.Linq;
using Linkage.Cmdlets.Database;
using Linkage.Packaging;

namespace Linkage.Cmdlets.Tests;

public sealed class HelpTests
{
    private static readonly string _folder = Path.Combine(Repository.Root, "docs", "en-US");
    private static readonly HelpPages _pages = new(_folder, typeof(DatabaseCmdlet).Assembly);

    public static TheoryData<string> Names => [.. _pages.Cmdlets.Select(cmdlet => cmdlet.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_cmdlet_has_a_page_that_says_all_there_is_to_say(string name)
    {
        var page = Page(name);

        Assert.NotEmpty(page.Synopsis);
        Assert.DoesNotContain('\n', page.Synopsis);
        Assert.NotEmpty(page.Description);
        Assert.NotEmpty(page.Inputs);
        Assert.NotEmpty(page.Outputs);
        Assert.NotEmpty(page.Notes);
        Assert.NotEmpty(page.RelatedLinks);
        Assert.True(page.Examples.Count >= 2);
        Assert.All(page.Examples, example => Assert.Contains(name, example.Code, StringComparison.Ordinal));
        Assert.All(page.Examples, example => Assert.NotEmpty(example.Remarks));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_parameter_is_explained_and_no_other(string name)
    {
        var (cmdlet, page) = (Cmdlet(name), Page(name));

        Assert.All(cmdlet.Parameters, parameter => Assert.False(string.IsNullOrEmpty(_pages.TextOf(page, parameter)), $"-{parameter.Name} has no text"));
        Assert.Empty(page.Parameters.Keys.Except(cmdlet.Parameters.Select(parameter => parameter.Name)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_syntax_on_a_page_is_the_cmdlets(string name) =>
        // ./build.ps1 Docs brings it up to date.
        Assert.Equal(SyntaxText.Of(Cmdlet(name)), Page(name).Syntax);

    [Theory]
    [MemberData(nameof(Names))]
    public void Outputs_on_a_page_are_the_cmdlets(string name)
    {
        var emitted = Cmdlet(name).OutputTypes.Select(type => type == typeof(void) ? "None" : type.FullName);

        Assert.Equal(emitted, Page(name).Outputs.Select(output => output.Heading));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Related_links_lead_to_cmdlets_that_there_are(string name) =>
        Assert.All(Page(name).RelatedLinks, link => Assert.Contains(_pages.Cmdlets, cmdlet => cmdlet.Name == link));

    [Fact]
    public void The_built_modules_help_is_made_from_these_pages()
    {
        var built = XDocument.Load(Path.Combine(Repository.BuiltModule, "en-US", "Linkage.Cmdlets.dll-Help.xml"));

        Assert.Equal(XDocument.Parse(new MamlWriter(_pages).Write().ToString()).ToString(), built.ToString());
    }

    [Fact]
    public void No_page_is_about_a_cmdlet_that_there_is_not()
    {
        var pages = Directory.GetFiles(_folder, "*-Linkage*.md").Select(Path.GetFileNameWithoutExtension);

        Assert.Empty(pages.Except(_pages.Cmdlets.Select(cmdlet => cmdlet.Name)));
    }

    private static CmdletDescription Cmdlet(string name) => _pages.Cmdlets.Single(cmdlet => cmdlet.Name == name);

    private static HelpPage Page(string name) =>
        _pages.Of(Cmdlet(name)) ?? throw new FileNotFoundException($"{name} has no page in docs/en-US.");
}
