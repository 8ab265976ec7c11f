using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// Where to connect, as whom and how: what was asked for, completed by libpq's habits (a service file, the <c>PG*</c>
/// variables). The user's own words win over the service, the service over the variables.
/// </summary>
/// <remarks>
/// Npgsql itself reads the password file, the client certificates and <c>PGOPTIONS</c>; the rest of libpq's variables,
/// its URIs and its service files are read here.
/// </remarks>
public sealed class ConnectionSettings
{
    private readonly NpgsqlConnectionStringBuilder _builder;

    private ConnectionSettings(NpgsqlConnectionStringBuilder builder) => _builder = builder;

    /// <summary>The settings in Npgsql's form. It may hold a password: never show it.</summary>
    public string ConnectionString => _builder.ConnectionString;

    /// <summary>The password that was given or found in a variable; null if it is to come from the password file, or none is needed.</summary>
    public string? Password => _builder.Password;

    /// <summary>Reads a connection string and completes it from the environment.</summary>
    /// <param name="connectionString">In Npgsql's keyword form, or a <c>postgresql://</c> URI with libpq's parameters.</param>
    /// <param name="environment">Looks an environment variable up; null if it isn't set.</param>
    /// <exception cref="LinkageException">It can't be read, or it leaves open which server is meant.</exception>
    public static ConnectionSettings Parse(string connectionString, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(connectionString);
        return LibpqUri.IsUri(connectionString)
            ? Complete(new NpgsqlConnectionStringBuilder(), LibpqUri.Parse(connectionString), environment)
            : Complete(KeywordForm.Parse(connectionString), [], environment);
    }

    /// <summary>Builds settings from single values; what is null comes from the environment.</summary>
    /// <param name="server">A host name, an address, or the folder of a socket.</param>
    /// <param name="port">The TCP port, or the number in the socket's name.</param>
    /// <param name="database">The database's name.</param>
    /// <param name="user">The role to log in as.</param>
    /// <param name="password">Its password.</param>
    /// <param name="sslMode">Disable, Allow, Prefer, Require, VerifyCA or VerifyFull; libpq's spelling is understood too.</param>
    /// <param name="environment">Looks an environment variable up; null if it isn't set.</param>
    /// <exception cref="LinkageException">A value is unusable, or it is left open which server is meant.</exception>
    public static ConnectionSettings Create(
        string? server, int? port, string? database, string? user, string? password, string? sslMode, Func<string, string?> environment)
    {
        var parameters = new Dictionary<string, string>();
        Add("host", server);
        Add("port", port?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Add("dbname", database);
        Add("user", user);
        Add("password", password);
        Add("sslmode", sslMode);
        return Complete(new NpgsqlConnectionStringBuilder(), parameters, environment);

        void Add(string keyword, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                parameters[keyword] = value;
        }
    }

    /// <summary>Builds settings from the <c>PG*</c> variables alone; null if none of those that say where to connect is set.</summary>
    /// <param name="environment">Looks an environment variable up; null if it isn't set.</param>
    /// <exception cref="LinkageException">A variable's value is unusable.</exception>
    public static ConnectionSettings? FromEnvironment(Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return LibpqEnvironment.SaysWhere(environment) ? Complete(new NpgsqlConnectionStringBuilder(), [], environment) : null;
    }

    /// <summary>Connects.</summary>
    /// <exception cref="LinkageException">The server can't be reached or refuses; the message says which and why, without the password.</exception>
    public async Task<LinkageDatabase> OpenAsync(CancellationToken cancellation)
    {
        try
        {
            return await LinkageDatabase.OpenAsync(ConnectionString, cancellation);
        }
        catch (Exception fault) when (DatabaseException.From(fault, this) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>The settings as one may show them: database, server and role, never the password.</summary>
    public override string ToString()
    {
        var user = _builder.Username is { } name ? $" as {name}" : string.Empty;
        return $"{_builder.Database ?? _builder.Username ?? "the default database"} on {_builder.Host}:{_builder.Port}{user}";
    }

    private static ConnectionSettings Complete(
        NpgsqlConnectionStringBuilder builder, Dictionary<string, string> asked, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        LibpqParameters.Apply(asked, builder);
        if (LibpqServiceFile.NameOf(asked, environment) is { } service)
            LibpqParameters.Apply(LibpqServiceFile.Read(service, environment), builder);
        LibpqParameters.Apply(LibpqEnvironment.Read(environment), builder);

        if (string.IsNullOrEmpty(builder.Host))
        {
            // libpq's own default is the local machine; it holds only for those who use libpq's variables.
            if (!LibpqEnvironment.SaysWhere(environment))
            {
                throw new LinkageException(
                    "Linkage.Connection.NoServer",
                    FaultKind.InvalidInput,
                    "No server is named: give Host=... in the connection string, use -Server, or set PGHOST. Linkage never assumes localhost.");
            }

            builder.Host = LibpqEnvironment.DefaultHost(builder.Port);
        }

        return new ConnectionSettings(builder);
    }
}
