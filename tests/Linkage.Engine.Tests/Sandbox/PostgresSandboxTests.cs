using System.Diagnostics;
using System.Net.Sockets;
using Dapper;
using Linkage.Engine.Sandbox;
using Npgsql;

namespace Linkage.Engine.Tests.Sandbox;

public class PostgresSandboxTests
{
    [Fact]
    public async Task It_listens_on_loopback_only_and_wants_its_password()
    {
        await using var sandbox = await StartAsync();
        await using var connection = await OpenAsync(sandbox.ConnectionString);

        Assert.Equal("127.0.0.1", await connection.ExecuteScalarAsync<string>("SHOW listen_addresses"));
        Assert.Equal("", await connection.ExecuteScalarAsync<string>("SHOW unix_socket_directories"));
        Assert.Equal("UTF8", await connection.ExecuteScalarAsync<string>("SHOW server_encoding"));
        Assert.Equal("linkage", await connection.ExecuteScalarAsync<string>("SELECT current_database()"));
        Assert.Equal(sandbox.ServerVersion, connection.PostgreSqlVersion);
        Assert.InRange(sandbox.ServerVersion.Major, PostgresBinaries.OldestVersion, PostgresBinaries.NewestVersion);

        var intruder = new NpgsqlConnectionStringBuilder(sandbox.ConnectionString) { Password = "guess", Pooling = false };
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => OpenAsync(intruder.ConnectionString));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, refusal.SqlState);
    }

    [Fact]
    public async Task Its_data_is_open_to_nobody_else()
    {
        await using var sandbox = await StartAsync();

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(sandbox.DataDirectory));
            Assert.False(File.Exists(Path.Combine(sandbox.DataDirectory, "..", "password")));
        }
    }

    [Fact]
    public async Task Disposing_it_twice_ends_the_server_and_removes_the_folder_once()
    {
        var sandbox = await StartAsync();
        var folder = Path.GetDirectoryName(sandbox.DataDirectory);
        Assert.True(Directory.Exists(folder));

        await sandbox.DisposeAsync();
        await sandbox.DisposeAsync();

        Assert.False(Directory.Exists(folder));
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(sandbox.ProcessId));
    }

    [Fact]
    public async Task Data_and_port_survive_a_restart()
    {
        await using var sandbox = await StartAsync();
        var port = sandbox.Port;
        await ExecuteAsync(sandbox, "CREATE TABLE kept AS SELECT 1 AS one");

        await sandbox.StopAsync();
        await AssertRefusesAsync(sandbox);
        await sandbox.StopAsync();
        await sandbox.RestartAsync();

        Assert.Equal(port, sandbox.Port);
        await ExecuteAsync(sandbox, "SELECT one FROM kept");
    }

    [Fact]
    public async Task A_running_server_restarts_as_another_process()
    {
        await using var sandbox = await StartAsync();
        var first = sandbox.ProcessId;

        await sandbox.RestartAsync();

        Assert.NotEqual(first, sandbox.ProcessId);
        await ExecuteAsync(sandbox, "SELECT 1");
    }

    [Fact]
    public async Task A_durable_server_that_is_killed_keeps_what_was_committed_and_nothing_else()
    {
        await using var sandbox = await StartAsync(new() { Durable = true });
        await ExecuteAsync(sandbox, "CREATE TABLE entry (id int)");
        await using var open = await OpenAsync(sandbox.ConnectionString);
        await using var transaction = await open.BeginTransactionAsync();
        await open.ExecuteAsync("INSERT INTO entry VALUES (1)");
        await ExecuteAsync(sandbox, "INSERT INTO entry VALUES (2)");

        await sandbox.KillAsync();
        await AssertRefusesAsync(sandbox);
        await sandbox.RestartAsync();

        await using var after = await OpenAsync(sandbox.ConnectionString);
        Assert.Equal([2], await after.QueryAsync<int>("SELECT id FROM entry"));
        Assert.Equal("on on on", await after.ExecuteScalarAsync<string>(
            "SELECT concat_ws(' ', current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'))"));
    }

    [Fact]
    public async Task A_server_that_is_killed_in_the_middle_of_a_long_statement_restarts()
    {
        await using var sandbox = await StartAsync(new() { Durable = true });
        await using var busy = await OpenAsync(sandbox.ConnectionString);
        // No wait in it, so that this process would not notice the postmaster's end by itself.
        var statement = busy.ExecuteAsync("DO $$ BEGIN LOOP END LOOP; END $$", commandTimeout: 0);
        await Poll.UntilAsync(async () =>
        {
            await using var watcher = await OpenAsync(sandbox.ConnectionString);
            return await watcher.ExecuteScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active')");
        });

        await sandbox.KillAsync();
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => statement);
        await sandbox.RestartAsync();

        await ExecuteAsync(sandbox, "SELECT 1");
    }

    [Fact]
    public async Task A_stop_that_was_given_up_does_not_confuse_what_follows()
    {
        await using var sandbox = await StartAsync();
        using var cancellation = new CancellationTokenSource();

        var stopping = sandbox.StopAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Record.ExceptionAsync(() => stopping);
        await sandbox.RestartAsync();

        using var server = Process.GetProcessById(sandbox.ProcessId);
        Assert.Equal("postgres", server.ProcessName);
        await ExecuteAsync(sandbox, "SELECT 1");
    }

    [Fact]
    public async Task A_server_that_somebody_else_killed_restarts_too()
    {
        await using var sandbox = await StartAsync();
        using (var server = Process.GetProcessById(sandbox.ProcessId))
            server.Kill();

        await sandbox.RestartAsync();

        await ExecuteAsync(sandbox, "SELECT 1");
    }

    [Fact]
    public async Task Settings_reach_the_server_whatever_they_hold()
    {
        const string Value = @"it's a \ backslash";
        await using var sandbox = await StartAsync(new()
        {
            Settings = new Dictionary<string, string> { ["cluster_name"] = Value, ["linkage.test"] = "50%", ["max_connections"] = "33" },
        });
        await using var connection = await OpenAsync(sandbox.ConnectionString);

        Assert.Equal(Value, await connection.ExecuteScalarAsync<string>("SHOW cluster_name"));
        Assert.Equal("50%", await connection.ExecuteScalarAsync<string>("SHOW linkage.test"));
        Assert.Equal("33", await connection.ExecuteScalarAsync<string>("SHOW max_connections"));
    }

    [Fact]
    public async Task A_start_that_fails_tells_the_servers_reason_and_leaves_nothing()
    {
        using var parent = new OpenFolder();

        var fault = await Assert.ThrowsAsync<SandboxException>(() => StartAsync(new()
        {
            ParentDirectory = parent.Path,
            Settings = new Dictionary<string, string> { ["shared_buffer"] = "1GB" },
        }));

        Assert.Contains("unrecognized configuration parameter \"shared_buffer\"", fault.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(parent.Path));
    }

    [Theory]
    [InlineData("name with space", "1")]
    [InlineData("cluster_name", "two\nlines")]
    public async Task A_setting_that_no_line_can_hold_is_refused(string name, string value)
    {
        using var parent = new OpenFolder();

        await Assert.ThrowsAsync<ArgumentException>(() => StartAsync(new()
        {
            ParentDirectory = parent.Path,
            Settings = new Dictionary<string, string> { [name] = value },
        }));

        Assert.Empty(Directory.GetFileSystemEntries(parent.Path));
    }

    [Fact]
    public async Task A_start_that_is_cancelled_leaves_nothing()
    {
        using var parent = new OpenFolder();
        using var cancellation = new CancellationTokenSource();
        var options = await PostgresFixture.OptionsAsync() with { ParentDirectory = parent.Path };

        var starting = PostgresSandbox.StartAsync(options, cancellation.Token);
        await Poll.UntilAsync(() => Directory.GetDirectories(parent.Path).Length == 1);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        Assert.Empty(Directory.GetFileSystemEntries(parent.Path));
    }

    [Fact]
    public async Task A_parent_folder_that_is_not_there_is_named()
    {
        var missing = Path.Combine(Path.GetTempPath(), "linkage-no-such-folder");

        var fault = await Assert.ThrowsAsync<SandboxException>(() => StartAsync(new() { ParentDirectory = missing }));

        Assert.Contains(missing, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Databases_have_any_name_and_can_be_copies()
    {
        var sandbox = await PostgresFixture.ServerAsync();
        const string Name = "Odd \"name\"; --";
        await using (var connection = await OpenAsync(await sandbox.CreateDatabaseAsync(Name)))
        {
            await connection.ExecuteAsync("CREATE TABLE marked AS SELECT 1");
            NpgsqlConnection.ClearPool(connection);
        }

        await using (var copy = await OpenAsync(await sandbox.CreateDatabaseAsync("copy of it", template: Name)))
            Assert.Equal(1, await copy.ExecuteScalarAsync<int>("SELECT * FROM marked"));

        await sandbox.DropDatabaseAsync("copy of it");
        await sandbox.DropDatabaseAsync(Name);
    }

    [Fact]
    public async Task Sample_data_comes_with_the_start_and_is_reported()
    {
        await using var sandbox = await StartAsync(new() { SampleDeliveries = 1000, SampleAccounts = true, Database = "shop" });
        await using var connection = await OpenAsync(sandbox.ConnectionString);

        Assert.Equal("shop", sandbox.Database);
        Assert.Equal(1000, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM message_deliveries"));
        Assert.Equal(1000, sandbox.SampleData?.Deliveries);
        Assert.Equal(await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM auth.users"), sandbox.SampleData?.Accounts?.Accounts);
    }

    [Fact]
    public async Task Sample_leads_come_alone_if_nothing_else_is_asked_for()
    {
        await using var sandbox = await StartAsync(new() { SampleLeads = 200 });
        await using var connection = await OpenAsync(sandbox.ConnectionString);

        Assert.Equal(200, await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM \"Lead\""));
        Assert.Equal(200, sandbox.SampleLeads?.Leads);
        Assert.Null(sandbox.SampleData);
        Assert.False(await connection.ExecuteScalarAsync<bool>("SELECT to_regclass('message_deliveries') IS NOT NULL"));
    }

    [Fact]
    public async Task Two_of_them_do_not_meet()
    {
        await using var first = await StartAsync();
        await using var second = await StartAsync();

        Assert.NotEqual(first.Port, second.Port);
        Assert.NotEqual(first.DataDirectory, second.DataDirectory);
    }

    // With the server that LINKAGE_TEST_PG asks for.
    private static async Task<PostgresSandbox> StartAsync(SandboxOptions? options = null)
    {
        var wanted = await PostgresFixture.OptionsAsync();
        options = (options ?? new()) with { BinDirectory = wanted.BinDirectory, Version = wanted.Version };
        return await PostgresSandbox.StartAsync(options, default);
    }

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        return connection;
    }

    private static async Task ExecuteAsync(PostgresSandbox sandbox, string sql)
    {
        var settings = new NpgsqlConnectionStringBuilder(sandbox.ConnectionString) { Pooling = false };
        await using var connection = await OpenAsync(settings.ConnectionString);
        await connection.ExecuteAsync(sql);
    }

    private static async Task AssertRefusesAsync(PostgresSandbox sandbox)
    {
        using var client = new TcpClient();
        await Assert.ThrowsAnyAsync<SocketException>(() => client.ConnectAsync(sandbox.Host, sandbox.Port));
    }
}
