using System.Text.Json;
using Dapper;
using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Sandbox;
using Linkage.Engine.Schema;
using Linkage.Engine.UserSync;
using Npgsql;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>A row of <c>linkage.user_sync_fault</c>.</summary>
internal sealed record SyncFault(string AccountId, string Operation, string SqlState, string Message, int Attempts);

/// <summary>A row of <c>cleanup_audit_log</c>.</summary>
internal sealed record LogEntry(Guid? RunId, string RecordId, string Action, string Outcome, string? Reason, bool IsDryRun);

/// <summary>What a check says, and what all of them come to.</summary>
internal sealed record SyncCheck(CheckStatus Status, double? Value, string Overall);

/// <summary>A database of one test with an authentication server's accounts, an application's profiles, and Linkage installed.</summary>
internal sealed class UserSyncScene : IAsyncDisposable
{
    /// <summary>Reads functions, triggers, columns and indexes of the application, to be compared before and after.</summary>
    public const string Definitions =
        """
        SELECT format('%s %s', pg_get_functiondef(p.oid), obj_description(p.oid)) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL SELECT format('%s.%s %s', c.oid::regclass, a.attname, a.attnotnull) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
          WHERE c.relnamespace IN ('public'::regnamespace, 'auth'::regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
          WHERE c.relnamespace IN ('public'::regnamespace, 'auth'::regnamespace)
        ORDER BY 1
        """;

    private int _accounts;

    private UserSyncScene(LinkedDatabase database, ProfileShape shape)
    {
        Database = database;
        Shape = shape;
    }

    public LinkedDatabase Database { get; }

    public ProfileShape Shape { get; }

    /// <summary>The profile table in SQL notation.</summary>
    public string Profiles => Shape.Table;

    public static async Task<UserSyncScene> CreateAsync(ProfileShape? shape = null)
    {
        shape ??= ProfileShape.Strict;
        return await OpenAsync(await LinkedDatabase.OpenAsync(await PostgresFixture.CreateFilledDatabaseAsync($"user sync, {shape.Label}", async connection =>
        {
            await using (var filling = new NpgsqlConnection(connection))
            {
                await filling.OpenAsync();
                await CreateTablesAsync(filling, shape);
            }

            await using var engine = await LinkageDatabase.OpenAsync(connection, CancellationToken.None);
            await InstallAsync(engine, shape);
        })), shape);
    }

    /// <summary>The scene without Linkage: for tests of the install.</summary>
    public static async Task<UserSyncScene> CreateUnlinkedAsync(ProfileShape? shape = null)
    {
        shape ??= ProfileShape.Strict;
        var database = await LinkedDatabase.CreateEmptyAsync();
        await CreateTablesAsync(database.Connection, shape);
        return await OpenAsync(database, shape);
    }

    /// <summary>The scene in a database that a test has prepared by itself.</summary>
    public static async Task<UserSyncScene> OpenAsync(LinkedDatabase database, ProfileShape shape)
    {
        await database.ExecuteAsync("SET TimeZone = 'UTC'");
        return new UserSyncScene(database, shape);
    }

    /// <summary>The accounts and the profiles.</summary>
    public static async Task CreateTablesAsync(NpgsqlConnection connection, ProfileShape shape)
    {
        await AuthenticationSchema.CreateAsync(connection, CancellationToken.None);
        await connection.ExecuteAsync(shape.Definition);
    }

    /// <summary>Linkage, and what the shape has mapped by hand.</summary>
    public static async Task<IReadOnlyList<SchemaStep>> InstallAsync(LinkageDatabase engine, ProfileShape shape)
    {
        var steps = await LinkedDatabase.InstallAsync(engine, shape.Schema);
        await engine.TransactAsync(TransactionOptions.ReadWrite, session => session.ExecuteAsync(shape.Mapping), CancellationToken.None);
        return steps;
    }

    /// <inheritdoc cref="InstallAsync(LinkageDatabase, ProfileShape)"/>
    public Task<IReadOnlyList<SchemaStep>> InstallAsync() => InstallAsync(Database.Engine, Shape);

    public ValueTask DisposeAsync() => Database.DisposeAsync();

    /// <summary>An account that nobody else is like, a minute younger than the one before.</summary>
    public Account NewAccount(string? name = null)
    {
        var number = ++_accounts;
        return new Account
        {
            Email = $"{name ?? "user"}{number}@example.com",
            CreatedAt = new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(number),
        };
    }

    /// <summary>Signs an account up, as the authentication server does, on that connection or the scene's own.</summary>
    public async Task<Account> SignUpAsync(Account account, NpgsqlConnection? connection = null)
    {
        await InsertAccountsAsync(connection ?? Database.Connection, [account]);
        return account;
    }

    /// <inheritdoc cref="SignUpAsync(Account, NpgsqlConnection?)"/>
    public Task<Account> SignUpAsync() => SignUpAsync(NewAccount());

    /// <summary>Accounts that sign up in one statement, in that order.</summary>
    public Task SignUpAsync(IReadOnlyList<Account> accounts) => InsertAccountsAsync(Database.Connection, accounts);

    /// <summary>Removes all profiles, faults and log rows.</summary>
    public Task ForgetProfilesAsync() => Database.ExecuteAsync(
        $"DELETE FROM {Profiles}; TRUNCATE linkage.user_sync_fault, {Shape.QuotedSchema}.cleanup_audit_log, linkage.run CASCADE");

    /// <summary>Accounts that came in past all triggers.</summary>
    public async Task AddAsync(params IReadOnlyList<Account> accounts)
    {
        await Database.ExecuteAsync("SET session_replication_role = replica");
        await InsertAccountsAsync(Database.Connection, accounts);
        await Database.ExecuteAsync("RESET session_replication_role");
    }

    /// <summary>An account that came in past all triggers, and so has no profile.</summary>
    public async Task<Account> GhostAsync(Account? account = null)
    {
        account ??= NewAccount();
        await AddAsync(account);
        return account;
    }

    /// <summary>So many of them.</summary>
    public async Task<IReadOnlyList<Account>> GhostsAsync(int count)
    {
        List<Account> accounts = [.. Enumerable.Range(0, count).Select(_ => NewAccount())];
        await AddAsync(accounts);
        return accounts;
    }

    /// <summary>Switches the optional trigger on.</summary>
    public Task EnableUpdateTriggerAsync() => Database.ExecuteAsync("SELECT linkage.switch_triggers(-2, true)");

    public Task<RunResult> RepairAsync(IEnumerable<Account> accounts, RunOptions? options = null) =>
        RepairAsync([.. accounts.Select(account => account.Id)], options);

    /// <summary>Repairs those accounts, or all ghosts.</summary>
    public Task<RunResult> RepairAsync(string[]? accounts = null, RunOptions? options = null) =>
        RepairAsync(Database.Engine, accounts, options ?? new RunOptions());

    /// <inheritdoc cref="RepairAsync(string[], RunOptions?)"/>
    public static Task<RunResult> RepairAsync(
        LinkageDatabase engine, string[]? accounts, RunOptions options, Action<RunProgress>? progress = null, CancellationToken cancellation = default) =>
        new GhostUserRepair(engine).RunAsync(accounts, options, progress ?? (_ => { }), cancellation);

    public Task<RunResult> UndoAsync(RunResult run, RunOptions? options = null) =>
        new RunUndo(Database.Engine).UndoAsync(
            run.RunId!.Value, allowRelink: false, options ?? new RunOptions(), _ => { }, CancellationToken.None);

    public async Task<string> StatusAsync(RunResult run) =>
        (await new RunLog(Database.Engine).GetAsync(run.RunId!.Value, CancellationToken.None)).Status;

    public async Task<IReadOnlyList<GhostUser>> FindGhostsAsync() =>
        await new GhostUsers(Database.Engine).FindAsync(repairableOnly: false, CancellationToken.None).ToListAsync();

    public async Task<IReadOnlyList<OrphanedProfile>> FindOrphansAsync() =>
        await new OrphanedProfiles(Database.Engine).FindAsync(CancellationToken.None).ToListAsync();

    public Task<UserSyncStatistic> StatisticsAsync(int days = 30) =>
        new UserSyncStatistics(Database.Engine).MeasureAsync(days, CancellationToken.None);

    public Task<IReadOnlyList<SyncFault>> FaultsAsync() => Database.QueryAsync<SyncFault>(
        """
        SELECT
          f.account_id::text AS "AccountId", f.operation AS "Operation", f.sql_state AS "SqlState", f.message AS "Message",
          f.attempts::integer AS "Attempts"
        FROM linkage.user_sync_fault f
        ORDER BY f.account_id::text, f.operation
        """);

    public Task<IReadOnlyList<LogEntry>> LogAsync() => Database.QueryAsync<LogEntry>(
        $"""
        SELECT
          l.run_id AS "RunId", l.record_id AS "RecordId", l.action AS "Action", l.outcome AS "Outcome", l.reason AS "Reason",
          l.dry_run AS "IsDryRun"
        FROM {Shape.QuotedSchema}.cleanup_audit_log l
        ORDER BY l.id
        """);

    public async Task<IReadOnlyDictionary<string, SyncCheck>> ChecksAsync() =>
        (await new UserSyncChecks(Database.Engine).CheckAsync(CancellationToken.None))
            .ToDictionary(check => check.Check, check => new SyncCheck(check.Status, check.Value, (string)check.Details["Overall"]!));

    /// <summary>Whole profiles, each as JSON text, in a stable order: to compare before and after.</summary>
    public Task<IReadOnlyList<string>> RowsAsync() =>
        Database.QueryAsync<string>($"SELECT to_jsonb(t)::text FROM {Profiles} t ORDER BY 1");

    /// <summary>Profiles by their account: the columns that accounts give values, as text.</summary>
    public async Task<Dictionary<string, Dictionary<string, string?>>> ProfilesAsync()
    {
        var columns = Shape.Columns.Select(column => column.Name).Append(Shape.Key).ToHashSet();
        return (await Database.QueryAsync<(string Account, string Column, string? Value)>(
                $"SELECT t.{Shape.QuotedKey}::text, c.key, c.value FROM {Profiles} t, jsonb_each_text(to_jsonb(t)) c WHERE t.{Shape.QuotedKey} IS NOT NULL"))
            .Where(cell => columns.Contains(cell.Column))
            .GroupBy(cell => cell.Account)
            .ToDictionary(row => row.Key, row => row.ToDictionary(cell => cell.Column, cell => cell.Value));
    }

    /// <summary>Fails unless those accounts, and no others, have the profile that is theirs.</summary>
    public Task AssertProfilesAsync(params IReadOnlyList<Account> accounts) =>
        AssertProfilesAsync(accounts.ToDictionary(account => account.Id, Shape.ProfileOf));

    /// <summary>Fails unless the profiles of accounts are those and no others; names the first few that differ.</summary>
    public async Task AssertProfilesAsync(Dictionary<string, Dictionary<string, string?>> expected)
    {
        var profiles = await ProfilesAsync();
        Assert.Empty(expected.Keys.Union(profiles.Keys)
            .Select(id => (Id: id, Expected: Text(expected.GetValueOrDefault(id)), Found: Text(profiles.GetValueOrDefault(id))))
            .Where(profile => profile.Expected != profile.Found)
            .Select(profile => $"{profile.Id}:\nexpected {profile.Expected}\nfound {profile.Found}")
            .Take(3));
    }

    /// <summary>Fails unless that account alone is a ghost; returns what is said of it.</summary>
    public async Task<GhostUser> AssertGhostAsync(Account account)
    {
        var ghost = Assert.Single(await FindGhostsAsync());
        Assert.Equal((account.Id, account.Email, account.Phone, account.CreatedAt), (ghost.AccountId, ghost.Email, ghost.Phone, ghost.CreatedAt));
        Assert.NotEqual("", ghost.Reason);
        return ghost;
    }

    private static string Text(Dictionary<string, string?>? row) => row is null
        ? "none"
        : string.Join(", ", row.OrderBy(cell => cell.Key, StringComparer.Ordinal).Select(cell => $"{cell.Key}: {cell.Value ?? "(none)"}"));

    private static Task<int> InsertAccountsAsync(NpgsqlConnection connection, IReadOnlyList<Account> accounts) => connection.ExecuteAsync(
        """
        INSERT INTO auth.users (
          instance_id, id, aud, role, email, phone, raw_app_meta_data, raw_user_meta_data, is_anonymous, is_sso_user, deleted_at,
          email_confirmed_at, phone_confirmed_at, created_at, updated_at, encrypted_password)
        SELECT
          '00000000-0000-0000-0000-000000000000', a."Id", 'authenticated', 'authenticated', a."Email", a."Phone", '{"provider": "email"}',
          a."Metadata"::pg_catalog.jsonb, a."IsAnonymous", a."IsSso", a."DeletedAt", a."EmailConfirmedAt", a."PhoneConfirmedAt", a."CreatedAt",
          a."UpdatedAt", '$2a$10$secret'
        FROM pg_catalog.jsonb_to_recordset(@accounts::pg_catalog.jsonb) AS a (
          "Id" pg_catalog.uuid, "Email" pg_catalog.text, "Phone" pg_catalog.text, "Metadata" pg_catalog.text, "IsAnonymous" pg_catalog.bool,
          "IsSso" pg_catalog.bool, "DeletedAt" pg_catalog.timestamptz, "EmailConfirmedAt" pg_catalog.timestamptz,
          "PhoneConfirmedAt" pg_catalog.timestamptz, "CreatedAt" pg_catalog.timestamptz, "UpdatedAt" pg_catalog.timestamptz)
        """,
        new { accounts = JsonSerializer.Serialize(accounts) });

    /// <summary>Uninstalls, and returns what was removed and restored.</summary>
    public static async Task<List<SchemaRemoval>> UninstallAsync(UserSyncScene scene, bool includeHistory)
    {
        List<SchemaRemoval> removals = [];
        await new SchemaUninstaller(scene.Database.Engine, includeHistory).ApplyAsync(removals.Add, waiting: null, CancellationToken.None);
        return removals;
    }

    /// <summary>How many ghosts of a run could not be repaired, for a reason that was known or a fault of the row.</summary>
    public static long Failed(RunResult result) => result.Count("failed_accounts") + result.Count("failed");
}
