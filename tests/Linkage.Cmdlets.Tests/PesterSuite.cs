using System.Diagnostics;
using System.Text.Json;

namespace Linkage.Cmdlets.Tests;

/// <summary>Runs tests/Pester in the pwsh that is on PATH, once for all who ask.</summary>
internal static class PesterSuite
{
    private static readonly Lazy<PesterResult[]> _results = new(Run);

    /// <summary>The outcome of each Pester test; one skipped result with the reason if the suite can't be run here.</summary>
    public static PesterResult[] Results => _results.Value;

    private static PesterResult[] Run()
    {
        if (FindPwsh() is not { } pwsh)
            return [Unavailable("pwsh is not on PATH")];
        if (Start(pwsh, "-Command", "if (-not (Get-Module Pester -ListAvailable | Where-Object Version -GE 5.5)) { exit 3 }").ExitCode == 3)
            return [Unavailable("pwsh has no Pester 5.5 or later")];

        var file = Path.GetTempFileName();
        try
        {
            var (exitCode, output) = Start(pwsh, "-File", Path.Combine(Repository.Root, "tests", "Pester", "Invoke-Suite.ps1"), "-ResultPath", file);
            return exitCode == 0
                ? JsonSerializer.Deserialize<PesterResult[]>(File.ReadAllText(file))!
                : [new PesterResult("The Pester suite", "Failed", output)];
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static (int ExitCode, string Output) Start(string pwsh, params string[] arguments)
    {
        var start = new ProcessStartInfo(pwsh, ["-NoProfile", "-NonInteractive", .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["LINKAGE_MODULE"] = Repository.Manifest;
        start.Environment["NO_COLOR"] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    private static PesterResult Unavailable(string reason) => new("The Pester suite", "Skipped", reason);

    private static string? FindPwsh() => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh"))
        .FirstOrDefault(File.Exists);
}
