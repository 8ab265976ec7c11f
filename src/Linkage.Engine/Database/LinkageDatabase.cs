using System.Runtime.CompilerServices;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// One database that Linkage works on: where it is, and transactions on it. It pools its connections; nothing in it is
/// bound to a session, so that it also works behind PgBouncer in transaction mode.
/// </summary>
public sealed class LinkageDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;

    /// <summary>The exported snapshot that every transaction takes up; null where each has its own.</summary>
    private readonly string? _snapshot;

    private LinkageDatabase(NpgsqlDataSource source, NpgsqlConnectionStringBuilder settings, int versionNumber, string database, string user)
    {
        _source = source;
        Server = settings.Host ?? string.Empty;
        Port = settings.Port;
        Database = database;
        UserName = user;
        VersionNumber = versionNumber;
    }

    private LinkageDatabase(LinkageDatabase original, string snapshot)
    {
        _source = original._source;
        _snapshot = snapshot;
        Id = original.Id;
        Server = original.Server;
        Port = original.Port;
        Database = original.Database;
        UserName = original.UserName;
        VersionNumber = original.VersionNumber;
    }

    /// <summary>Tells this connection from every other of the process; records found through it carry the same id.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>The host, or the folder of the socket, as it was asked for.</summary>
    public string Server { get; }

    /// <summary>The TCP port.</summary>
    public int Port { get; }

    /// <summary>The database's name, as the server tells it.</summary>
    public string Database { get; }

    /// <summary>The role that the server took the session for.</summary>
    public string UserName { get; }

    /// <summary>The server's version as PostgreSQL numbers it: 150018 is 15.18.</summary>
    public int VersionNumber { get; }

    /// <summary>The server's version.</summary>
    public Version ServerVersion => new(VersionNumber / 10000, VersionNumber % 10000);

    /// <summary>Connects once, to learn who and where we are, and keeps what is needed to connect again.</summary>
    /// <param name="connectionString">In Npgsql's form.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="NpgsqlException">The server can't be reached or refuses; the message never holds the password.</exception>
    /// <exception cref="LinkageException">The server is older than PostgreSQL 13.</exception>
    public static async Task<LinkageDatabase> OpenAsync(string connectionString, CancellationToken cancellation)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // Settings are transaction-scoped, so there is nothing to reset; DISCARD ALL would hit another client's
            // session behind a pooler in transaction mode.
            NoResetOnClose = true,
            // The server's timeouts and our cancellation decide, not a third clock in the driver.
            CommandTimeout = 0,
            Enlist = false,
            PersistSecurityInfo = false,
        };
        if (string.IsNullOrEmpty(settings.ApplicationName))
            settings.ApplicationName = "Linkage";

        var source = NpgsqlDataSource.Create(settings);
        try
        {
            await using var command = source.CreateCommand(
                "SELECT current_setting('server_version_num')::integer, current_database()::text, current_user::text");
            await using var row = await command.ExecuteReaderAsync(cancellation);
            await row.ReadAsync(cancellation);
            var version = row.GetInt32(0);
            if (version < 130000)
            {
                throw new LinkageException(
                    "Linkage.Connection.ServerTooOld", FaultKind.InvalidState,
                    $"The server at {settings.Host}:{settings.Port} is PostgreSQL {version / 10000}; Linkage works with 13 and later.");
            }

            return new LinkageDatabase(source, settings, version, row.GetString(1), row.GetString(2));
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs work in one transaction, which commits when the work returns and rolls back when it throws.</summary>
    /// <exception cref="LinkageException">Linkage's own SQL refused, or is not installed.</exception>
    /// <exception cref="DatabaseException">The role lacks a privilege, or row-level security would hide rows from it.</exception>
    /// <exception cref="PostgresException">The server refused.</exception>
    /// <exception cref="NpgsqlException">The connection could not be made, or was lost.</exception>
    public async Task<T> TransactAsync<T>(
        TransactionOptions options, Func<DatabaseSession, Task<T>> work, CancellationToken cancellation)
    {
        try
        {
            await using var open = await BeginAsync(options, cancellation);
            var result = await work(new DatabaseSession(open.Connection, open.Transaction, cancellation));
            // Not cancellable: a commit that was asked for is waited for, so that what happened is known.
            await open.Transaction.CommitAsync(CancellationToken.None);
            return result;
        }
        catch (PostgresException error) when (ServerFaults.Read(error, Database) is { } fault)
        {
            throw fault;
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw await AccessFaults.ExplainAsync(_source, error);
        }
    }

    /// <inheritdoc cref="TransactAsync{T}"/>
    public Task TransactAsync(TransactionOptions options, Func<DatabaseSession, Task> work, CancellationToken cancellation) =>
        TransactAsync(
            options,
            async session =>
            {
                await work(session);
                return true;
            },
            cancellation);

    /// <summary>
    /// Runs work that reads in several transactions, all of which see the database as it is at this moment and can write nothing. It takes
    /// a second connection meanwhile, which holds the snapshot.
    /// </summary>
    /// <param name="applicationName">What the session that holds the snapshot is called.</param>
    /// <param name="work">Is given the database at this moment, which is not to be used afterwards, nor disposed.</param>
    /// <param name="cancellation">Ends it.</param>
    public Task<T> ReadAtOnceAsync<T>(
        string applicationName, Func<LinkageDatabase, Task<T>> work, CancellationToken cancellation) =>
        TransactAsync(
            TransactionOptions.ReadOnly with { HasOneSnapshot = true, ApplicationName = applicationName },
            async session =>
            {
                // The session that holds the snapshot is idle while others read.
                await session.ExecuteAsync("SET LOCAL idle_in_transaction_session_timeout = 0");
                return await work(new LinkageDatabase(this, await session.QuerySingleAsync<string>("SELECT pg_export_snapshot()")));
            },
            cancellation);

    /// <summary>Streams the rows of one query from a read-only transaction.</summary>
    public async IAsyncEnumerable<T> StreamAsync<T>(
        string sql, object? parameters, string? applicationName, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var options = TransactionOptions.ReadOnly with { ApplicationName = applicationName };
        await using var open = await BeginAsync(options, cancellation);
        var session = new DatabaseSession(open.Connection, open.Transaction, cancellation);
        await using var rows = session.StreamAsync<T>(sql, parameters).GetAsyncEnumerator(cancellation);
        while (await NextAsync(rows))
            yield return rows.Current;
    }

    /// <summary>
    /// Runs one statement outside any transaction, for the few that refuse one (<c>CREATE INDEX CONCURRENTLY</c>), without the time
    /// limits that the role may have: they run for as long as they need. It needs a session of its own where there are such limits.
    /// </summary>
    public async Task ExecuteOutsideTransactionAsync(string sql, CancellationToken cancellation)
    {
        await using var connection = await _source.OpenConnectionAsync(cancellation);
        var isLimited = (bool)(await ExecuteAsync(
            connection, "SELECT current_setting('statement_timeout') <> '0' OR current_setting('lock_timeout') <> '0'", cancellation))!;
        if (!isLimited)
        {
            await ExecuteAsync(connection, sql, cancellation);
            return;
        }

        await ExecuteAsync(connection, "SET statement_timeout = 0; SET lock_timeout = 0;", cancellation);
        try
        {
            await ExecuteAsync(connection, sql, cancellation);
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open)
                await ExecuteAsync(connection, "RESET statement_timeout; RESET lock_timeout;", CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private static async Task<object?> ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return await command.ExecuteScalarAsync(cancellation);
    }

    private async Task<bool> NextAsync<T>(IAsyncEnumerator<T> rows)
    {
        try
        {
            return await rows.MoveNextAsync();
        }
        catch (PostgresException error) when (ServerFaults.Read(error, Database) is { } fault)
        {
            throw fault;
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw await AccessFaults.ExplainAsync(_source, error);
        }
    }

    /// <summary>
    /// Begins a transaction. A pooled connection may have died since it was last used (a restart, pg_terminate_backend); as nothing
    /// was done on it yet, a fresh one takes its place.
    /// </summary>
    private async Task<OpenTransaction> BeginAsync(TransactionOptions options, CancellationToken cancellation)
    {
        try
        {
            return await BeginOnceAsync(options, cancellation);
        }
        catch (NpgsqlException e) when (TransientErrors.IsConnectionLost(e))
        {
            _source.Clear();
            return await BeginOnceAsync(options, cancellation);
        }
    }

    private async Task<OpenTransaction> BeginOnceAsync(TransactionOptions options, CancellationToken cancellation)
    {
        var connection = await _source.OpenConnectionAsync(cancellation);
        try
        {
            var transaction = await connection.BeginTransactionAsync(
                options.HasOneSnapshot || _snapshot is not null
                    ? System.Data.IsolationLevel.RepeatableRead
                    : System.Data.IsolationLevel.ReadCommitted,
                cancellation);
            await using var command = new NpgsqlCommand(Settings(options), connection, transaction);
            await command.ExecuteNonQueryAsync(cancellation);
            return new OpenTransaction(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>One round trip for all settings. row_security off: what a policy would filter is an error, not a healthy zero.</summary>
    private string Settings(TransactionOptions options)
    {
        var settings = new System.Text.StringBuilder("SET LOCAL row_security = off;");
        if (_snapshot is not null)
            settings.Append("SET TRANSACTION SNAPSHOT '").Append(_snapshot).Append("';");
        if (options.ApplicationName is { } name)
            settings.Append("SET LOCAL application_name = '").Append(name.Replace("'", "''", StringComparison.Ordinal)).Append("';");
        if (options.StatementTimeout is { } statement)
            settings.Append(Invariant($"SET LOCAL statement_timeout = {(long)statement.TotalMilliseconds};"));
        if (options.LockTimeout is { } wait)
            settings.Append(Invariant($"SET LOCAL lock_timeout = {(long)wait.TotalMilliseconds};"));
        if (!options.WaitsForDisk)
            settings.Append("SET LOCAL synchronous_commit = off;");
        if (options.IsReadOnly || _snapshot is not null)
            settings.Append("SET TRANSACTION READ ONLY;");
        return settings.ToString();
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private sealed record OpenTransaction(NpgsqlConnection Connection, NpgsqlTransaction Transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Transaction.DisposeAsync();
            await Connection.DisposeAsync();
        }
    }
}
