using System.Reflection;

namespace Linkage.Packaging;

/// <summary>The pages of docs/en-US beside the cmdlets that they explain.</summary>
public sealed class HelpPages
{
    private const string SharedFile = "shared-parameters.md";

    private readonly string _folder;
    private readonly HelpPage _shared;

    /// <summary>Reads the pages.</summary>
    /// <param name="folder">The folder of the pages.</param>
    /// <param name="assembly">The cmdlets.</param>
    public HelpPages(string folder, Assembly assembly)
    {
        _folder = folder;
        _shared = HelpPage.Read(Path.Combine(folder, SharedFile));
        Cmdlets = CmdletDescription.In(assembly);
    }

    /// <summary>The cmdlets, by name.</summary>
    public IReadOnlyList<CmdletDescription> Cmdlets { get; }

    /// <summary>The page of a cmdlet; null if it has none.</summary>
    public HelpPage? Of(CmdletDescription cmdlet) => File.Exists(PathOf(cmdlet)) ? HelpPage.Read(PathOf(cmdlet)) : null;

    /// <summary>Where the page of a cmdlet is, or should be.</summary>
    public string PathOf(CmdletDescription cmdlet)
    {
        ArgumentNullException.ThrowIfNull(cmdlet);
        return Path.Combine(_folder, cmdlet.Name + ".md");
    }

    /// <summary>
    /// The text of a parameter: the page's own, else, where a base class declares it, the one that all cmdlets share; null if
    /// there is none.
    /// </summary>
    public string? TextOf(HelpPage page, ParameterDescription parameter)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentNullException.ThrowIfNull(parameter);
        return page.Parameters.GetValueOrDefault(parameter.Name)
            ?? (parameter.IsShared ? _shared.Parameters.GetValueOrDefault(parameter.Name) : null);
    }
}
