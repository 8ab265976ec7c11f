namespace Linkage.Engine.Sandbox;

/// <summary>The lines that a sandbox adds to <c>postgresql.conf</c>.</summary>
internal static class SandboxSettings
{
    private static readonly Dictionary<string, string> _always = new()
    {
        ["listen_addresses"] = "127.0.0.1",
        // A socket would be one more door, and its path has a limit that temp folders exceed.
        ["unix_socket_directories"] = "",
        ["logging_collector"] = "off",
        // Tests run in parallel, and every database has a pool of its own.
        ["max_connections"] = "200",
        ["max_wal_size"] = "2GB",
        ["timezone"] = "UTC",
        ["log_timezone"] = "UTC",
    };

    private static readonly Dictionary<string, string> _volatile = new()
    {
        ["fsync"] = "off",
        ["synchronous_commit"] = "off",
        ["full_page_writes"] = "off",
    };

    /// <summary>All settings in force, those of the caller last.</summary>
    public static IEnumerable<KeyValuePair<string, string>> For(SandboxOptions options) =>
        _always.Concat(options.Durable ? [] : _volatile).Concat(options.Settings);

    /// <summary>One line of <c>postgresql.conf</c>.</summary>
    /// <exception cref="ArgumentException">The name or value can't stand in one line.</exception>
    public static string Line(string name, string value)
    {
        if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.'))
            throw new ArgumentException($"'{name}' is not the name of a PostgreSQL setting.", nameof(name));
        if (value.Any(char.IsControl))
            throw new ArgumentException($"The value of setting '{name}' holds a control character.", nameof(value));
        return $"{name} = '{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";
    }
}
