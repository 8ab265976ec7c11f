namespace Linkage.Engine.Database;

/// <summary>libpq's environment variables, as far as Npgsql doesn't read them itself.</summary>
internal static class LibpqEnvironment
{
    private static readonly (string Variable, string Keyword)[] _variables =
    [
        ("PGHOST", "host"),
        ("PGHOSTADDR", "hostaddr"),
        ("PGPORT", "port"),
        ("PGDATABASE", "dbname"),
        ("PGUSER", "user"),
        ("PGPASSWORD", "password"),
        ("PGPASSFILE", "passfile"),
        ("PGSSLMODE", "sslmode"),
        ("PGAPPNAME", "application_name"),
        ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ];

    /// <summary>Those that say where to connect or as whom; a password or a mode alone points nowhere.</summary>
    private static readonly string[] _pointers = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"];

    /// <summary>Folders of the socket, in the order in which distributions prefer them.</summary>
    private static readonly string[] _socketFolders = ["/var/run/postgresql", "/tmp"];

    public static bool SaysWhere(Func<string, string?> environment) =>
        Array.Exists(_pointers, name => !string.IsNullOrEmpty(environment(name)));

    public static Dictionary<string, string> Read(Func<string, string?> environment)
    {
        var parameters = new Dictionary<string, string>();
        foreach (var (variable, keyword) in _variables)
        {
            if (environment(variable) is { Length: > 0 } value)
                parameters[keyword] = value;
        }

        return parameters;
    }

    /// <summary>Where libpq looks if it is told nothing: the local socket, or localhost where there is none.</summary>
    public static string DefaultHost(int port) =>
        Array.Find(_socketFolders, folder => File.Exists(Path.Combine(folder, $".s.PGSQL.{port}"))) ?? "localhost";
}
