using System.Globalization;
using System.Text.RegularExpressions;

namespace Linkage.Engine.Sandbox;

/// <summary>The programs of one PostgreSQL: the folder that holds <c>initdb</c> and <c>postgres</c>.</summary>
/// <param name="BinDirectory">The folder.</param>
/// <param name="MajorVersion">The major version, such as 18.</param>
public sealed partial record PostgresBinaries(string BinDirectory, int MajorVersion)
{
    /// <summary>The variable that names the folder to use when the caller names none.</summary>
    public const string BinVariable = "LINKAGE_PG_BIN";

    /// <summary>The oldest major version that works.</summary>
    public const int OldestVersion = 13;

    /// <summary>The newest major version that works.</summary>
    public const int NewestVersion = 18;

    /// <summary>
    /// Finds PostgreSQL: the given folder; the folder in <see cref="BinVariable"/>; else the newest of what PATH, the usual folders of the
    /// operating system and earlier downloads hold; else a download by npm into a folder of the user's cache.
    /// </summary>
    /// <param name="binDirectory">The folder to use, without looking elsewhere; or null.</param>
    /// <param name="version">The major version wanted, or null for the newest.</param>
    /// <param name="cancellation">Cancels the search and the download.</param>
    /// <exception cref="ArgumentOutOfRangeException">The version is not one of 13 to 18.</exception>
    /// <exception cref="SandboxException">Nothing was found, or the folder given holds no PostgreSQL that fits.</exception>
    public static async Task<PostgresBinaries> FindAsync(string? binDirectory, int? version, CancellationToken cancellation)
    {
        if (version is < OldestVersion or > NewestVersion)
            throw new ArgumentOutOfRangeException(nameof(version), version, $"PostgreSQL {OldestVersion} to {NewestVersion} can be had.");

        binDirectory ??= Environment.GetEnvironmentVariable(BinVariable) is { Length: > 0 } named ? named : null;
        if (binDirectory is not null)
        {
            return await ProbeAsync(binDirectory, cancellation) is { } given && given.Fits(version)
                ? given
                : throw new SandboxException(
                    $"The folder '{binDirectory}' does not hold initdb and postgres of PostgreSQL {Wanted(version)}. "
                    + $"Correct it (parameter or {BinVariable}), or leave it out to search.");
        }

        List<string> folders = [.. ToolRunner.PathDirectories(), .. UsualDirectories(), .. EmbeddedPostgres.DownloadedBinDirectories()];
        PostgresBinaries? best = null;
        foreach (var folder in folders)
        {
            var found = await ProbeAsync(folder, cancellation);
            if (found is not null && found.Fits(version) && found.MajorVersion > (best?.MajorVersion ?? 0))
                best = found;
        }
        if (best is not null)
            return best;

        try
        {
            return await DownloadAsync(version, cancellation);
        }
        catch (SandboxException e)
        {
            throw new SandboxException(
                $"No PostgreSQL {Wanted(version)} was found in: {string.Join(", ", folders.Distinct())}. "
                + $"A download failed too: {e.Message} Install PostgreSQL, or name its folder in {BinVariable}.",
                e);
        }
    }

    /// <summary>Downloads PostgreSQL by npm, unless an earlier call did, without looking for one on the machine.</summary>
    /// <param name="version">The major version wanted, or null for the newest.</param>
    /// <param name="cancellation">Cancels the download.</param>
    /// <exception cref="SandboxException">There is no npm, no package for this machine, or the download failed.</exception>
    public static async Task<PostgresBinaries> DownloadAsync(int? version, CancellationToken cancellation)
    {
        var folder = await EmbeddedPostgres.DownloadAsync(version ?? NewestVersion, cancellation);
        return await ProbeAsync(folder, cancellation)
            ?? throw new SandboxException($"The PostgreSQL downloaded to '{folder}' does not run on this machine.");
    }

    private bool Fits(int? version) =>
        version is { } wanted ? MajorVersion == wanted : MajorVersion is >= OldestVersion and <= NewestVersion;

    private static string Wanted(int? version) =>
        version?.ToString(CultureInfo.InvariantCulture) ?? $"{OldestVersion} to {NewestVersion}";

    private static async Task<PostgresBinaries?> ProbeAsync(string folder, CancellationToken cancellation)
    {
        var extension = OperatingSystem.IsWindows() ? ".exe" : "";
        var server = Path.Combine(folder, "postgres" + extension);
        if (!File.Exists(server) || !File.Exists(Path.Combine(folder, "initdb" + extension)))
            return null;
        var (exitCode, output) = await ToolRunner.RunAsync(server, ["--version"], cancellation);
        var match = VersionPattern().Match(output);
        return exitCode == 0 && match.Success
            ? new PostgresBinaries(Path.GetFullPath(folder), int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            : null;
    }

    // Each pattern is a parent, what its children look like, and where these keep their programs.
    private static IEnumerable<string> UsualDirectories()
    {
        (string Parent, string Pattern, string Bin)[] places = OperatingSystem.IsWindows()
            ? [(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL"), "*", "bin")]
            :
            [
                ("/usr/lib/postgresql", "*", "bin"), // Debian, Ubuntu
                ("/usr", "pgsql-*", "bin"), // packages of postgresql.org for RHEL and its kin
                ("/usr/local", "pgsql*", "bin"), // built from source
                ("/opt/homebrew/opt", "postgresql@*", "bin"),
                ("/usr/local/opt", "postgresql@*", "bin"),
                ("/Applications/Postgres.app/Contents/Versions", "*", "bin"),
            ];
        return places.Where(place => Directory.Exists(place.Parent))
            .SelectMany(place =>
                Directory.EnumerateDirectories(place.Parent, place.Pattern).Select(child => Path.Combine(child, place.Bin)));
    }

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex VersionPattern();
}
