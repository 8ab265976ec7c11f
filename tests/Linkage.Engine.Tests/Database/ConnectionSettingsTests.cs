using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Tests.Database;

public sealed class ConnectionSettingsTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("linkage-home-").FullName;
    private readonly Dictionary<string, string> _environment = [];

    public ConnectionSettingsTests() => _environment["HOME"] = _environment["APPDATA"] = _home;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public void A_keyword_string_is_taken_as_it_is()
    {
        var settings = Parse("Host=db.example;Port=5433;Database=app;Username=ann;Password=secret;SSL Mode=VerifyFull");

        Assert.Equal("db.example", settings.Host);
        Assert.Equal(5433, settings.Port);
        Assert.Equal("app", settings.Database);
        Assert.Equal("ann", settings.Username);
        Assert.Equal("secret", settings.Password);
        Assert.Equal(SslMode.VerifyFull, settings.SslMode);
    }

    [Theory]
    [InlineData("postgresql://ann:s%3Bcret%40@db.example:5433/app")]
    [InlineData("postgres://ann:s%3Bcret%40@db.example:5433/app")]
    [InlineData("postgresql:///?host=db.example&port=5433&user=ann&password=s%3Bcret%40&dbname=app")]
    [InlineData("postgresql://ignored:ignored@ignored:1/ignored?host=db.example&port=5433&user=ann&password=s%3Bcret%40&dbname=app")]
    public void A_uri_is_read_as_libpq_reads_it(string uri)
    {
        var settings = Parse(uri);

        Assert.Equal(("db.example", 5433, "app", "ann", "s;cret@"), (settings.Host, settings.Port, settings.Database, settings.Username, settings.Password));
    }

    [Theory]
    [InlineData("postgresql://[2001:db8::1]:5433/app", "2001:db8::1", 5433)]
    [InlineData("postgresql://[2001:db8::1]/app", "2001:db8::1", 5432)]
    [InlineData("postgresql://%2Fvar%2Frun%2Fpostgresql:5433/app", "/var/run/postgresql", 5433)]
    [InlineData("postgresql:///app?host=/tmp", "/tmp", 5432)]
    [InlineData("postgresql://one:5001,two:5002/app", "one:5001,two:5002", 5432)]
    [InlineData("postgresql://one,two:5002/app", "one,two:5002", 5432)]
    [InlineData("postgresql://one,two/app?port=5433", "one,two", 5433)]
    [InlineData("postgresql:///app?hostaddr=192.0.2.1", "192.0.2.1", 5432)]
    public void Hosts_may_be_addresses_sockets_and_lists(string uri, string host, int port)
    {
        var settings = Parse(uri);

        Assert.Equal((host, port), (settings.Host, settings.Port));
    }

    [Theory]
    [InlineData("disable", SslMode.Disable)]
    [InlineData("allow", SslMode.Allow)]
    [InlineData("prefer", SslMode.Prefer)]
    [InlineData("require", SslMode.Require)]
    [InlineData("verify-ca", SslMode.VerifyCA)]
    [InlineData("verify-full", SslMode.VerifyFull)]
    public void Every_ssl_mode_of_libpq_is_known(string mode, SslMode expected)
    {
        Assert.Equal(expected, Parse($"postgresql://db/app?sslmode={mode}").SslMode);
        _environment["PGSSLMODE"] = mode;
        Assert.Equal(expected, Parse("Host=db").SslMode);
    }

    [Fact]
    public void Parameters_of_libpq_have_their_place_in_Npgsql()
    {
        var settings = Parse(
            "postgresql://db/app?application_name=nightly&connect_timeout=7&options=-c%20geqo%3Doff&target_session_attrs=read-write"
            + "&load_balance_hosts=random&sslrootcert=/ca.pem&sslcert=/me.pem&sslkey=/me.key&channel_binding=require&keepalives_idle=30"
            + "&require_auth=scram-sha-256&passfile=/pass&gssencmode=disable&sslnegotiation=direct&sslmode=require&client_encoding=UTF8");

        Assert.Equal("nightly", settings.ApplicationName);
        Assert.Equal(7, settings.Timeout);
        Assert.Equal("-c geqo=off", settings.Options);
        Assert.Equal("read-write", settings.TargetSessionAttributes);
        Assert.True(settings.LoadBalanceHosts);
        Assert.Equal(("/ca.pem", "/me.pem", "/me.key"), (settings.RootCertificate, settings.SslCertificate, settings.SslKey));
        Assert.Equal(ChannelBinding.Require, settings.ChannelBinding);
        Assert.Equal(30, settings.TcpKeepAliveTime);
        Assert.Equal("/pass", settings.Passfile);
        Assert.Equal(SslNegotiation.Direct, settings.SslNegotiation);
    }

    [Fact]
    public void Variables_complete_what_is_left_open_and_never_win()
    {
        Set(("PGHOST", "other"), ("PGPORT", "5999"), ("PGDATABASE", "app"), ("PGUSER", "ann"), ("PGPASSWORD", "secret"), ("PGSSLMODE", "require"));

        var settings = Parse("Host=db.example;Username=bob");

        Assert.Equal(("db.example", 5999, "app", "bob", "secret"), (settings.Host, settings.Port, settings.Database, settings.Username, settings.Password));
        Assert.Equal(SslMode.Require, settings.SslMode);
    }

    [Fact]
    public void A_value_that_equals_the_default_is_still_explicit()
    {
        Set(("PGPORT", "5999"), ("PGSSLMODE", "require"));

        var settings = Parse("Host=db.example;Port=5432;SSL Mode=Prefer");

        Assert.Equal((5432, SslMode.Prefer), (settings.Port, settings.SslMode));
    }

    [Fact]
    public void A_service_completes_what_is_left_open_and_wins_over_variables()
    {
        WriteServices(".pg_service.conf", "# comment\n[other]\nhost=wrong\n\n[reporting]\nhost = db.example\nport=5433\ndbname=app\nuser=ann\n[last]\nhost=wrong");
        Set(("PGSERVICE", "reporting"), ("PGHOST", "wrong"), ("PGDATABASE", "wrong"), ("PGPASSWORD", "secret"));

        var settings = Builder(ConnectionSettings.FromEnvironment(Look)!);

        Assert.Equal(("db.example", 5433, "app", "ann", "secret"), (settings.Host, settings.Port, settings.Database, settings.Username, settings.Password));
        Assert.Equal("mine", Parse("postgresql:///mine?service=reporting").Database);
    }

    [Fact]
    public void A_service_is_looked_for_in_the_file_that_is_named_and_then_in_the_systems()
    {
        WriteServices("pg_service.conf", "[system]\nhost=from.system");
        var own = WriteServices("own.conf", "[own]\nhost=from.own");
        Set(("PGSERVICEFILE", own), ("PGSYSCONFDIR", _home));

        Assert.Equal("from.own", Parse("postgresql:///?service=own").Host);
        Assert.Equal("from.system", Parse("postgresql:///?service=system").Host);
    }

    [Fact]
    public void A_service_that_no_file_holds_is_an_error_that_names_the_files()
    {
        Set(("PGSERVICE", "absent"));

        var fault = Assert.Throws<LinkageException>(() => ConnectionSettings.FromEnvironment(Look));

        Assert.Equal("Linkage.Connection.ServiceNotFound", fault.ErrorId);
        Assert.Contains(".pg_service.conf", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_any_variable_that_says_where_there_are_no_settings()
    {
        Set(("PGPASSWORD", "secret"), ("PGSSLMODE", "require"));

        Assert.Null(ConnectionSettings.FromEnvironment(Look));
    }

    [Theory]
    [InlineData("PGHOST", "db.example")]
    [InlineData("PGHOSTADDR", "192.0.2.1")]
    [InlineData("PGPORT", "5433")]
    [InlineData("PGDATABASE", "app")]
    [InlineData("PGUSER", "ann")]
    public void One_variable_that_says_where_is_enough(string name, string value)
    {
        Set((name, value));

        Assert.False(string.IsNullOrEmpty(Builder(ConnectionSettings.FromEnvironment(Look)!).Host));
    }

    [Theory]
    [InlineData("Database=app")]
    [InlineData("postgresql:///app")]
    [InlineData("")]
    public void Localhost_is_never_assumed(string connectionString)
    {
        var fault = Assert.Throws<LinkageException>(() => Parse(connectionString));

        Assert.Equal("Linkage.Connection.NoServer", fault.ErrorId);
    }

    [Fact]
    public void Single_values_make_settings_and_the_environment_completes_them()
    {
        Set(("PGDATABASE", "app"), ("PGUSER", "wrong"));

        var settings = Builder(ConnectionSettings.Create("/run/db", 5433, null, "ann", "s;cr'et", "VerifyCA", Look));

        Assert.Equal(("/run/db", 5433, "app", "ann", "s;cr'et"), (settings.Host, settings.Port, settings.Database, settings.Username, settings.Password));
        Assert.Equal(SslMode.VerifyCA, settings.SslMode);
    }

    [Theory]
    [InlineData("Host=db;Password=hun;ter2;Database=app")]
    [InlineData("Host=db;Password=hun;ter2=x;Database=app")]
    [InlineData("Host=db;Port=hunter2")]
    [InlineData("Hots=db;Pwd=hunter2")]
    [InlineData("postgresql://ann:hunter2@db/app?nonsense=1")]
    [InlineData("postgresql://ann:hunter2@db/app?sslmode=hunter")]
    [InlineData("postgresql://ann:hunter2@[db/app")]
    [InlineData("postgresql://ann:hunter2@db/app?flag")]
    [InlineData("postgresql://ann:hunter2@one,two,three:1/app?port=1,2")]
    public void What_cant_be_read_is_an_error_that_repeats_no_password(string connectionString)
    {
        var fault = Assert.Throws<LinkageException>(() => Parse(connectionString));

        Assert.StartsWith("Linkage.Connection.", fault.ErrorId, StringComparison.Ordinal);
        Assert.DoesNotContain("ter2", fault.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_keyword_is_named()
    {
        var fault = Assert.Throws<LinkageException>(() => Parse("Hots=db"));

        Assert.Contains("'hots'", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shown_settings_say_where_and_as_whom_without_the_password()
    {
        var settings = ConnectionSettings.Parse("postgresql://ann:secret@db.example/app", Look);

        Assert.Equal("app on db.example:5432 as ann", settings.ToString());
    }

    [Fact]
    public async Task Settings_open_a_database()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        var given = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var uri = $"postgresql://{given.Username}:{given.Password}@{given.Host}:{given.Port}/{given.Database}?sslmode=disable";

        await using var opened = await ConnectionSettings.Parse(uri, Look).OpenAsync(CancellationToken.None);

        Assert.Equal(database.Name, opened.Database);
    }

    [Fact]
    public async Task A_refused_login_says_where_and_keeps_the_servers_code()
    {
        await using var database = await PostgresFixture.CreateEmptyDatabaseAsync();
        var wrong = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Password = "hunter2" };

        var fault = await Assert.ThrowsAsync<DatabaseException>(
            () => ConnectionSettings.Parse(wrong.ConnectionString, Look).OpenAsync(CancellationToken.None));

        Assert.Equal(("Linkage.Connection.LoginRefused", "28P01"), (fault.ErrorId, fault.SqlState));
        Assert.Contains($"{wrong.Host}:{wrong.Port}", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", fault.ToString(), StringComparison.Ordinal);
    }

    private NpgsqlConnectionStringBuilder Parse(string connectionString) => Builder(ConnectionSettings.Parse(connectionString, Look));

    private static NpgsqlConnectionStringBuilder Builder(ConnectionSettings settings) => new(settings.ConnectionString);

    private string? Look(string name) => _environment.GetValueOrDefault(name);

    private void Set(params (string Name, string Value)[] variables)
    {
        foreach (var (name, value) in variables)
            _environment[name] = value;
    }

    private string WriteServices(string file, string text)
    {
        var path = Path.Combine(_home, file);
        File.WriteAllText(path, text);
        return path;
    }
}
