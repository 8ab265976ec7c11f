using System.Text.RegularExpressions;

namespace Linkage.Cmdlets.Tests;

/// <summary>Where things are in the repository that these tests were built from.</summary>
internal static partial class Repository
{
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    /// <summary>The folder of the built module.</summary>
    public static string BuiltModule => Path.Combine(Root, "output", "Linkage", Version);

    public static string Manifest => Path.Combine(BuiltModule, "Linkage.psd1");

    private static string Version => VersionPattern().Match(File.ReadAllText(Path.Combine(Root, "module", "Linkage.psd1"))).Groups[1].Value;

    public static string Read(params string[] path) => File.ReadAllText(Path.Combine([Root, .. path]));

    private static string FindRoot(string folder) =>
        File.Exists(Path.Combine(folder, "Linkage.Cmdlets.sln")) ? folder : FindRoot(Path.GetDirectoryName(folder)!);

    [GeneratedRegex(@"ModuleVersion\s*=\s*'([^']+)'")]
    private static partial Regex VersionPattern();
}
