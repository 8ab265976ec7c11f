using System.ComponentModel;
using System.Diagnostics;

namespace Linkage.Engine.Sandbox;

/// <summary>Runs a small command line tool to its end.</summary>
internal static class ToolRunner
{
    /// <summary>The full path of a tool on PATH, or null.</summary>
    /// <param name="name">The name without an extension.</param>
    public static string? FindOnPath(string name)
    {
        // npm is a script on Windows, everything else a program.
        string[] names = OperatingSystem.IsWindows() ? [name + ".exe", name + ".cmd"] : [name];
        return PathDirectories().SelectMany(folder => names.Select(file => Path.Combine(folder, file))).FirstOrDefault(File.Exists);
    }

    /// <summary>The folders of PATH, in order.</summary>
    public static IEnumerable<string> PathDirectories() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Runs a tool and returns its exit code and all of its output.</summary>
    /// <exception cref="SandboxException">The tool can't be started.</exception>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        string file, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            CreateNoWindow = true,
        };
        using var process = Start(start);
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Starts a process.</summary>
    /// <exception cref="SandboxException">It can't be started.</exception>
    public static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new SandboxException($"'{start.FileName}' did not start.");
        }
        catch (Win32Exception e)
        {
            throw new SandboxException($"'{start.FileName}' can't be run: {e.Message}", e);
        }
    }
}
