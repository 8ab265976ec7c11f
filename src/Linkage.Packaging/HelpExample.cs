namespace Linkage.Packaging;

/// <summary>An example on a help page.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Code">What to type.</param>
/// <param name="Remarks">What happens then.</param>
public sealed record HelpExample(string Title, string Code, string Remarks)
{
    internal static HelpExample Parse(string heading, string body)
    {
        var end = body.LastIndexOf("```", StringComparison.Ordinal);
        return new HelpExample(heading, HelpPage.CodeOf(body), end < 0 ? body : body[(end + 3)..].Trim());
    }
}
