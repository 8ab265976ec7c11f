using System.Security.Cryptography;
using System.Text;

namespace Linkage.Engine.Health.Reports;

/// <summary>The style sheet of reports, and the policy that lets it and nothing else be used.</summary>
internal static class ReportStyle
{
    /// <summary>The style sheet.</summary>
    public static string Text { get; } = Read();

    /// <summary>Nothing is loaded, run or submitted; of styles, just this text.</summary>
    public static string Policy { get; } =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Text)))}'; "
        + "base-uri 'none'; form-action 'none'";

    private static string Read()
    {
        using var stream = typeof(ReportStyle).Assembly.GetManifestResourceStream("Health/Reports/report.css")
            ?? throw new InvalidOperationException("The assembly holds no Health/Reports/report.css.");
        using var reader = new StreamReader(stream);
        // A browser hashes the text with line feeds, whatever the checkout has.
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
