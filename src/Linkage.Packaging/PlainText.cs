using System.Text.RegularExpressions;

namespace Linkage.Packaging;

/// <summary>Markdown as a terminal shows it best: without marks.</summary>
internal static partial class PlainText
{
    public static string Of(string markdown) => Marks().Replace(Links().Replace(markdown, "$1"), "$2");

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]+\)")]
    private static partial Regex Links();

    [GeneratedRegex(@"(\*\*|`)(.+?)\1")]
    private static partial Regex Marks();
}
