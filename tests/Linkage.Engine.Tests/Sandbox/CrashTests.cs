using System.Diagnostics;

namespace Linkage.Engine.Tests.Sandbox;

public sealed class CrashTests : IDisposable
{
    private readonly OpenFolder _parent = new();

    public void Dispose() => _parent.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_caller_that_is_killed_leaves_neither_server_nor_folder(bool withItsDescendants)
    {
        using var caller = StartCaller();
        var server = int.Parse(await caller.StandardOutput.ReadLineAsync() ?? "", System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(IsRunning(server));
        Assert.Single(Directory.GetDirectories(_parent.Path));

        caller.Kill(withItsDescendants);

        await Poll.UntilAsync(() => !IsRunning(server) && Directory.GetDirectories(_parent.Path).Length == 0);
    }

    // Folder made, cluster half made, server half started: wherever the caller dies, what it began is undone.
    [Theory]
    [InlineData("")]
    [InlineData("data")]
    [InlineData("data/base/1")]
    [InlineData("data/global/pg_control")]
    [InlineData("data/postmaster.pid")]
    public async Task A_caller_that_is_killed_during_the_start_leaves_nothing(string milestone)
    {
        using var caller = StartCaller();
        await Poll.UntilAsync(() => Directory.GetDirectories(_parent.Path) is [var folder] && Path.Exists(Path.Combine(folder, milestone)));

        caller.Kill();

        // The supervisor removes the folder and ends a moment later.
        await Poll.UntilAsync(() => Directory.GetDirectories(_parent.Path).Length == 0 && CommandLinesWith(_parent.Path).Count == 0);
    }

    private Process StartCaller() => Process.Start(
        new ProcessStartInfo("dotnet", [typeof(CrashingCaller).Assembly.Location, _parent.Path]) { RedirectStandardOutput = true })!;

    private static bool IsRunning(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static List<string> CommandLinesWith(string text) =>
        [.. Process.GetProcesses().Select(CommandLine).Where(line => line.Contains(text, StringComparison.Ordinal))];

    private static string CommandLine(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline");
        }
        catch (IOException)
        {
            return ""; // It has just ended, or the system has no /proc.
        }
    }
}
