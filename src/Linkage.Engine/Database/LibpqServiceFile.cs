namespace Linkage.Engine.Database;

/// <summary>libpq's service files: named sets of connection parameters, <c>[name]</c> and <c>keyword=value</c> lines.</summary>
internal static class LibpqServiceFile
{
    /// <summary>The service that is asked for, explicitly or by <c>PGSERVICE</c>; null if none is.</summary>
    public static string? NameOf(Dictionary<string, string> parameters, Func<string, string?> environment) =>
        parameters.GetValueOrDefault("service") ?? (environment("PGSERVICE") is { Length: > 0 } name ? name : null);

    /// <summary>Reads the service's parameters from the user's file or else the system's.</summary>
    /// <exception cref="LinkageException">No file holds the service.</exception>
    public static Dictionary<string, string> Read(string service, Func<string, string?> environment)
    {
        var files = Files(environment).ToList();
        foreach (var file in files.Where(File.Exists))
        {
            if (Section(File.ReadLines(file), service) is { } parameters)
                return parameters;
        }

        throw new LinkageException(
            "Linkage.Connection.ServiceNotFound",
            FaultKind.NotFound,
            $"The connection service '{service}' is in none of these files: {string.Join(", ", files)}.");
    }

    private static IEnumerable<string> Files(Func<string, string?> environment)
    {
        if (environment("PGSERVICEFILE") is { Length: > 0 } own)
            yield return own;
        else if (OperatingSystem.IsWindows() && environment("APPDATA") is { Length: > 0 } data)
            yield return Path.Combine(data, "postgresql", ".pg_service.conf");
        else if (environment("HOME") is { Length: > 0 } home)
            yield return Path.Combine(home, ".pg_service.conf");

        if (environment("PGSYSCONFDIR") is { Length: > 0 } system)
            yield return Path.Combine(system, "pg_service.conf");
    }

    private static Dictionary<string, string>? Section(IEnumerable<string> lines, string service)
    {
        Dictionary<string, string>? parameters = null;
        foreach (var line in lines.Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line[0] == '[')
            {
                if (parameters is not null)
                    break;
                if (line == $"[{service}]")
                    parameters = [];
            }
            else if (parameters is not null && line.IndexOf('=', StringComparison.Ordinal) is var at and > 0)
            {
                parameters[line[..at].Trim()] = line[(at + 1)..].Trim();
            }
        }

        return parameters;
    }
}
