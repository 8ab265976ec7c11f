using System.Collections;
using System.Globalization;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>libpq's parameters in Npgsql's words.</summary>
internal static class LibpqParameters
{
    /// <summary>Sets what the parameters say, except what the builder holds already.</summary>
    public static void Apply(Dictionary<string, string> parameters, NpgsqlConnectionStringBuilder builder)
    {
        var present = ((IEnumerable)builder.Keys).Cast<string>().ToHashSet(StringComparer.OrdinalIgnoreCase);
        if (!present.Contains("Host"))
            ApplyHosts(parameters, builder, portIsSet: present.Contains("Port"));

        foreach (var (keyword, value) in parameters)
        {
            if (keyword is "host" or "hostaddr" or "service")
                continue;
            var (name, translated) = Translate(keyword, value);
            if (!present.Contains(name) && !(name == "Port" && value.Contains(',', StringComparison.Ordinal)))
                Set(builder, name, translated, keyword);
        }
    }

    /// <summary>Npgsql keeps the ports of several hosts in the list of hosts; libpq has a list of each.</summary>
    private static void ApplyHosts(Dictionary<string, string> parameters, NpgsqlConnectionStringBuilder builder, bool portIsSet)
    {
        // hostaddr saves libpq the look-up of host; Npgsql has one name for both, and the name serves TLS.
        if (!parameters.TryGetValue("host", out var host) && !parameters.TryGetValue("hostaddr", out host))
            return;

        var ports = parameters.GetValueOrDefault("port", string.Empty).Split(',');
        if (!portIsSet && ports.Length > 1)
        {
            var hosts = host.Split(',');
            if (hosts.Length != ports.Length)
                throw Unusable("port", "there must be one port, or one for each host");
            host = string.Join(',', hosts.Zip(ports, (name, port) => port.Length == 0 ? name : $"{Bracket(name)}:{port}"));
        }

        builder.Host = host;

        static string Bracket(string name) => name.Contains(':', StringComparison.Ordinal) ? $"[{name}]" : name;
    }

    private static (string Name, string Value) Translate(string keyword, string value) => keyword switch
    {
        "port" => ("Port", value),
        "dbname" => ("Database", value),
        "user" => ("Username", value),
        "password" => ("Password", value),
        "passfile" => ("Passfile", value),
        "options" => ("Options", value),
        "application_name" or "fallback_application_name" => ("Application Name", value),
        "client_encoding" => ("Client Encoding", value),
        "connect_timeout" => ("Timeout", value),
        "keepalives" => ("TCP Keepalive", value == "0" ? "false" : "true"),
        "keepalives_idle" => ("TCP Keepalive Time", value),
        "keepalives_interval" => ("TCP Keepalive Interval", value),
        "sslmode" => ("SSL Mode", WithoutDashes(value)),
        // The one spelling that libpq takes over from JDBC.
        "ssl" when value == "true" => ("SSL Mode", "Require"),
        "sslcert" => ("SSL Certificate", value),
        "sslkey" => ("SSL Key", value),
        "sslpassword" => ("SSL Password", value),
        "sslrootcert" => ("Root Certificate", value),
        "sslnegotiation" => ("SSL Negotiation", value),
        "channel_binding" => ("Channel Binding", value),
        "gssencmode" => ("GSS Encryption Mode", value),
        "krbsrvname" => ("Kerberos Service Name", value),
        "require_auth" => ("Require Auth", AuthenticationMethods(value)),
        "target_session_attrs" => ("Target Session Attributes", value),
        "load_balance_hosts" => ("Load Balance Hosts", value == "random" ? "true" : "false"),
        _ => throw new LinkageException(
            "Linkage.Connection.UnsupportedParameter",
            FaultKind.InvalidInput,
            $"The connection parameter '{keyword}' is not supported; leave it out, or use Npgsql's keyword form."),
    };

    /// <summary>A list such as <c>!md5,!password</c>; Npgsql minds the case.</summary>
    private static string AuthenticationMethods(string list) => list
        .Replace("scram-sha-256", "ScramSHA256", StringComparison.Ordinal)
        .Replace("md5", "MD5", StringComparison.Ordinal)
        .Replace("gss", "GSS", StringComparison.Ordinal)
        .Replace("sspi", "SSPI", StringComparison.Ordinal)
        .Replace("password", "Password", StringComparison.Ordinal)
        .Replace("none", "None", StringComparison.Ordinal);

    private static string WithoutDashes(string value) => value.Replace("-", string.Empty, StringComparison.Ordinal);

    private static void Set(NpgsqlConnectionStringBuilder builder, string name, string value, string keyword)
    {
        try
        {
            builder[name] = value;
        }
        catch (ArgumentException)
        {
            throw Unusable(keyword, keyword.Contains("password", StringComparison.Ordinal)
                ? "its value is refused"
                : string.Create(CultureInfo.InvariantCulture, $"'{value}' is refused"));
        }
    }

    private static LinkageException Unusable(string keyword, string why) =>
        new("Linkage.Connection.InvalidParameter", FaultKind.InvalidInput, $"The connection parameter '{keyword}' can't be used: {why}.");
}
