using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Linkage.Cmdlets.Database;
using Linkage.Packaging;

namespace Linkage.Cmdlets.Tests;

public sealed partial class ModuleFileTests
{
    private static readonly IReadOnlyList<CmdletDescription> _cmdlets = CmdletDescription.In(typeof(DatabaseCmdlet).Assembly);

    [Fact]
    public void The_manifest_exports_the_cmdlets_that_there_are()
    {
        var list = ExportList().Match(Repository.Read("module", "Linkage.psd1")).Groups[1].Value;

        Assert.Equal(_cmdlets.Select(cmdlet => cmdlet.Name), QuotedNames().Matches(list).Select(name => name.Groups[1].Value));
    }

    [Fact]
    public void The_manifest_bears_the_version_of_the_assembly()
    {
        var version = typeof(DatabaseCmdlet).Assembly.GetName().Version!;

        Assert.Contains($"ModuleVersion          = '{version.ToString(3)}'", Repository.Read("module", "Linkage.psd1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_output_type_has_a_view_and_each_view_a_type()
    {
        var emitted = _cmdlets.SelectMany(cmdlet => cmdlet.OutputTypes).Where(IsOurs).Select(type => type.FullName!).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(emitted, Views().Select(view => view.TypeName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Views_show_only_properties_that_their_types_have()
    {
        var missing = from view in Views()
                      let type = typeof(DatabaseCmdlet).Assembly.GetType(view.TypeName)
                      from property in view.Properties
                      where type?.GetProperty(property) is null
                      select $"{view.TypeName}.{property}";

        Assert.Empty(missing);
    }

    [Fact]
    public void The_built_module_holds_every_library_that_the_cmdlets_need()
    {
        var built = Directory.GetFiles(Repository.BuiltModule, "*.dll", SearchOption.AllDirectories).Select(Path.GetFileName);
        var output = Path.Combine(Repository.Root, "src", "Linkage.Cmdlets", "bin", Configuration, "net8.0");
        using var dependencies = JsonDocument.Parse(File.ReadAllText(Path.Combine(output, "Linkage.Cmdlets.deps.json")));
        var needed = from library in dependencies.RootElement.GetProperty("targets").EnumerateObject().First().Value.EnumerateObject()
                     where library.Value.TryGetProperty("runtime", out _)
                     from file in library.Value.GetProperty("runtime").EnumerateObject()
                     select Path.GetFileName(file.Name);

        Assert.Equal(needed.Order(StringComparer.Ordinal), built.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_built_module_holds_the_scripts_for_psql()
    {
        var written = Directory.GetFiles(Path.Combine(Repository.Root, "module", "sql")).Order(StringComparer.Ordinal).Select(File.ReadAllText);
        var built = Directory.GetFiles(Path.Combine(Repository.BuiltModule, "sql")).Order(StringComparer.Ordinal).Select(File.ReadAllText);

        Assert.Equal(written, built);
    }

    private static string Configuration => AppContext.BaseDirectory.Contains("Release", StringComparison.Ordinal) ? "Release" : "Debug";

    private static bool IsOurs(Type type) => type.Assembly == typeof(DatabaseCmdlet).Assembly;

    private static IEnumerable<(string TypeName, IReadOnlyList<string> Properties)> Views() =>
        from view in XDocument.Parse(Repository.Read("module", "Linkage.Format.ps1xml")).Descendants("View")
        from type in view.Element("ViewSelectedBy")!.Elements("TypeName")
        select (type.Value, (IReadOnlyList<string>)[.. view.Descendants("PropertyName").Select(property => property.Value)]);

    [GeneratedRegex(@"CmdletsToExport\s*=\s*@\(([^)]*)\)")]
    private static partial Regex ExportList();

    [GeneratedRegex("'([^']+)'")]
    private static partial Regex QuotedNames();
}
