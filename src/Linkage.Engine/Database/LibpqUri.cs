namespace Linkage.Engine.Database;

/// <summary>
/// libpq's URIs: <c>postgresql://[user[:password]@][host][:port][,...][/database][?parameter=value&amp;...]</c>. They are read
/// by hand, as libpq reads them: <see cref="Uri"/> knows neither lists of hosts nor sockets.
/// </summary>
internal static class LibpqUri
{
    private static readonly string[] _schemes = ["postgresql://", "postgres://"];

    public static bool IsUri(string text) => Scheme(text) is not null;

    /// <summary>Returns libpq's parameters. Errors never repeat the text, which may hold a password.</summary>
    public static Dictionary<string, string> Parse(string uri)
    {
        var parameters = new Dictionary<string, string>();
        var rest = uri.Trim()[Scheme(uri)!.Length..];

        rest = CutAfter(rest, '?', out var query);
        var authority = CutAfter(rest, '/', out var database);
        if (authority.LastIndexOf('@') is var at and >= 0)
        {
            var user = CutAfter(authority[..at], ':', out var password);
            Set("user", user);
            Set("password", password);
            authority = authority[(at + 1)..];
        }

        SetHosts(authority);
        Set("dbname", database);
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!pair.Contains('=', StringComparison.Ordinal))
                throw Unreadable("has a parameter without '='");
            Set(CutAfter(pair, '=', out var value), value);
        }

        return parameters;

        void SetHosts(string list)
        {
            var hosts = list.Split(',').Select(SplitPort).ToList();
            Set("host", string.Join(',', hosts.Select(host => host.Name)));
            if (hosts.Exists(host => host.Port.Length > 0))
                Set("port", string.Join(',', hosts.Select(host => host.Port)));
        }

        void Set(string keyword, string value)
        {
            // As in libpq, what stands in the query wins over what stands before it.
            if (value.Length > 0)
                parameters[Decode(keyword)] = Decode(value);
        }
    }

    private static (string Name, string Port) SplitPort(string host)
    {
        if (host.StartsWith('['))
        {
            var end = host.IndexOf(']', StringComparison.Ordinal);
            if (end < 0)
                throw Unreadable("has an address with '[' and no ']'");
            return (host[1..end], host[(end + 1)..].TrimStart(':'));
        }

        return (CutAfter(host, ':', out var port), port);
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text);

    private static string? Scheme(string text) =>
        Array.Find(_schemes, scheme => text.TrimStart().StartsWith(scheme, StringComparison.OrdinalIgnoreCase));

    private static string CutAfter(string text, char mark, out string after)
    {
        var at = text.IndexOf(mark, StringComparison.Ordinal);
        after = at < 0 ? string.Empty : text[(at + 1)..];
        return at < 0 ? text : text[..at];
    }

    private static LinkageException Unreadable(string why) =>
        new("Linkage.Connection.InvalidString", FaultKind.InvalidInput, $"The connection URI {why}.");
}
