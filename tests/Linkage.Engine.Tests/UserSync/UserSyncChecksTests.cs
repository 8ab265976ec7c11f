using System.Globalization;
using Linkage.Engine.Checks;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>Checks and statistics tell what is in the two tables, and whether the trigger is at work.</summary>
public sealed class UserSyncChecksTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(ProfileShape.Labels), MemberType = typeof(ProfileShape))]
    public async Task An_empty_database_is_healthy(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));

        var checks = await scene.ChecksAsync();

        Assert.Equal(["GhostUsers", "OrphanedProfiles", "UserCountParity", "UserSyncTrigger"], checks.Keys.Order());
        Assert.All(checks.Values, check => Assert.Equal((CheckStatus.Healthy, "healthy"), (check.Status, check.Overall)));
    }

    [Theory]
    [InlineData("name required, e-mail unique, no foreign key")]
    [InlineData("a key of its own, the account in another column")]
    public async Task Every_count_is_that_of_a_plain_model(string label)
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        await FillAsync(scene, random);

        var expected = await CountAsync(scene);
        var checks = await scene.ChecksAsync();

        Assert.Equal((expected.Ghosts > 0 ? CheckStatus.Critical : CheckStatus.Healthy, expected.Ghosts), (checks["GhostUsers"].Status, checks["GhostUsers"].Value));
        Assert.Equal(
            (expected.Orphans > 0 ? CheckStatus.Warning : CheckStatus.Healthy, expected.Orphans), (checks["OrphanedProfiles"].Status, checks["OrphanedProfiles"].Value));
        Assert.Equal(
            (Parity(expected.Ghosts, expected.Orphans), expected.Ghosts - expected.Orphans),
            (checks["UserCountParity"].Status, checks["UserCountParity"].Value));
        Assert.Equal(CheckStatus.Healthy, checks["UserSyncTrigger"].Status);
        var found = await scene.StatisticsAsync();
        Assert.Equal(
            expected,
            new Counts(
                found.AuthUsers, found.Profiles, found.ActiveUsers, found.GhostUsers, found.OrphanedProfiles, found.SoftDeletedUsers,
                found.AnonymousUsers, found.Discrepancy));
        Assert.Equal(100.0 * (expected.Active - expected.Ghosts) / expected.Active, found.SyncRate!.Value, 1);
        Assert.Equal(
            await scene.Database.ScalarAsync<DateTime>(
                $"""
                SELECT min(a.created_at) FROM auth.users a
                WHERE a.deleted_at IS NULL AND NOT a.is_anonymous
                  AND NOT EXISTS (SELECT FROM {scene.Profiles} p WHERE p.{scene.Shape.QuotedKey} = a.id)
                """),
            found.OldestGhostAt);
        Assert.Equal(expected.Orphans, (await scene.FindOrphansAsync()).Count);
    }

    [Theory]
    [InlineData(0, 0, false, false, "healthy")]
    [InlineData(0, 1, false, false, "degraded")]
    [InlineData(1, 3, false, false, "critical")]
    [InlineData(1, 0, false, false, "critical")]
    [InlineData(2, 2, false, false, "critical")]
    [InlineData(0, 0, true, false, "healthy")]
    [InlineData(0, 0, false, true, "healthy")]
    [InlineData(0, 0, true, true, "healthy")]
    public async Task What_all_checks_come_to_is_the_worst_of_them(int ghosts, int orphans, bool anonymous, bool deleted, string overall)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.SignUpAsync();
        await scene.GhostsAsync(ghosts);
        await scene.Database.ExecuteAsync(
            "INSERT INTO users (id, name) SELECT gen_random_uuid(), 'Orphan' FROM generate_series(1, @orphans)", new { orphans });
        foreach (var withProfile in new[] { true, false })
        {
            if (anonymous)
                await AddInactiveAsync(scene, scene.NewAccount() with { IsAnonymous = true }, withProfile);
            if (deleted)
                await AddInactiveAsync(scene, scene.NewAccount() with { DeletedAt = DateTime.UtcNow }, withProfile);
        }

        var checks = await scene.ChecksAsync();

        Assert.All(checks.Values, check => Assert.Equal(overall, check.Overall));
        Assert.Equal(Parity(ghosts, orphans), checks["UserCountParity"].Status);
    }

    [Theory]
    [InlineData("ALTER TABLE auth.users DISABLE TRIGGER on_auth_user_created")]
    [InlineData("ALTER TABLE auth.users ENABLE REPLICA TRIGGER on_auth_user_created")]
    [InlineData("DROP TRIGGER on_auth_user_created ON auth.users")]
    [InlineData("INSERT INTO linkage.trigger_switch (number) VALUES (-1)")]
    public async Task A_trigger_that_is_not_at_work_is_critical(string change)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(change);

        var checks = await scene.ChecksAsync();
        var account = await scene.SignUpAsync();

        Assert.Equal((CheckStatus.Critical, "critical"), (checks["UserSyncTrigger"].Status, checks["GhostUsers"].Overall));
        Assert.False((await scene.StatisticsAsync()).TriggerEnabled);
        await scene.AssertGhostAsync(account);
    }

    [Fact]
    public async Task A_trigger_for_replicas_too_is_at_work()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE auth.users ENABLE ALWAYS TRIGGER on_auth_user_created");

        Assert.Equal(CheckStatus.Healthy, (await scene.ChecksAsync())["UserSyncTrigger"].Status);
    }

    [Fact]
    public async Task The_optional_trigger_may_be_off_and_its_faults_are_told()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        Assert.Equal(CheckStatus.Healthy, (await scene.ChecksAsync())["UserSyncTrigger"].Status);
        await scene.EnableUpdateTriggerAsync();
        await scene.SignUpAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD CHECK (email <> 'new@example.com'); UPDATE auth.users SET email = 'new@example.com'");

        var checks = await scene.ChecksAsync();

        Assert.NotEqual(CheckStatus.Healthy, checks["UserSyncTrigger"].Status);
        Assert.Equal(CheckStatus.Healthy, checks["GhostUsers"].Status);
    }

    [Fact]
    public async Task Triggers_are_switched_by_their_numbers()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        const string States =
            "SELECT format('%s %s %s', t.number, t.trigger_name, t.state) FROM linkage.triggers(NULL) t WHERE t.table_name = 'auth.users' ORDER BY t.number DESC";
        Assert.Equal(
            ["-1 on_auth_user_created Enabled", "-2 on_auth_user_updated Disabled"], await scene.Database.QueryAsync<string>(States));

        await scene.Database.ExecuteAsync("SELECT linkage.switch_triggers(-1, false), linkage.switch_triggers(-2, true)");

        Assert.Equal(
            ["-1 on_auth_user_created Disabled", "-2 on_auth_user_updated Enabled"], await scene.Database.QueryAsync<string>(States));
        await scene.SignUpAsync();
        Assert.Empty(await scene.RowsAsync());
    }

    [Theory]
    [MemberData(nameof(ProfileShape.Labels), MemberType = typeof(ProfileShape))]
    public async Task Everything_documented_can_be_called_from_psql(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        await scene.SignUpAsync();
        await scene.GhostAsync();
        var app = scene.Shape.QuotedSchema;

        Assert.Equal(1, await CountRowsAsync(scene, $"{app}.check_ghost_users()"));
        Assert.Equal(0, await CountRowsAsync(scene, $"{app}.check_orphaned_profiles()"));
        Assert.NotEqual(0, await CountRowsAsync(scene, $"{app}.get_user_sync_stats()"));
        Assert.Equal(4, await CountRowsAsync(scene, $"{app}.run_user_sync_quality_check()"));
        await scene.Database.ExecuteAsync($"SELECT {app}.record_user_sync_metrics()");
        Assert.Equal(1, await CountRowsAsync(scene, $"{app}.get_latest_sync_status()"));
        Assert.Equal(1, await CountRowsAsync(scene, $"{app}.get_sync_status_history()"));
        Assert.Equal(1, await CountRowsAsync(scene, $"{app}.get_sync_status_history(30)"));
        Assert.Equal(1, await CountRowsAsync(scene, $"{app}.user_sync_monitoring_log"));
    }

    [Fact]
    public async Task Checks_write_nothing()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostAsync();
        await scene.Database.ExecuteAsync("SET default_transaction_read_only = on");

        Assert.Equal(4, (await scene.ChecksAsync()).Count);
        Assert.Single(await scene.FindGhostsAsync());
        Assert.Equal(1, await CountRowsAsync(scene, "linkage.user_sync_statistics(7)"));
    }

    private static Task<long> CountRowsAsync(UserSyncScene scene, string source) =>
        scene.Database.ScalarAsync<long>($"SELECT count(*) FROM {source}");

    /// <summary>Accounts and profiles of every kind, past all triggers.</summary>
    private static async Task FillAsync(UserSyncScene scene, Random random)
    {
        List<Account> accounts = [];
        for (var i = 0; i < 300; i++)
        {
            accounts.Add(scene.NewAccount() with
            {
                IsAnonymous = random.Next(5) == 0,
                DeletedAt = random.Next(5) == 0 ? DateTime.UtcNow : null,
            });
        }

        await scene.AddAsync(accounts);
        foreach (var account in accounts.Where(_ => random.Next(3) > 0).Concat(Enumerable.Range(0, 1 + random.Next(40)).Select(_ => scene.NewAccount())))
            await AddProfileAsync(scene, account.Id);
        if (scene.Shape == ProfileShape.KeyedOtherwise)
            await scene.Database.ExecuteAsync($"INSERT INTO {scene.Profiles} (email) SELECT i::text FROM generate_series(1, {random.Next(9)}) AS i");
    }

    private static async Task AddInactiveAsync(UserSyncScene scene, Account account, bool withProfile)
    {
        await scene.AddAsync(account);
        if (withProfile)
            await AddProfileAsync(scene, account.Id);
    }

    private static Task<int> AddProfileAsync(UserSyncScene scene, string account) => scene.Database.ExecuteAsync(
        $"""
        SET session_replication_role = replica;
        INSERT INTO {scene.Profiles} ({scene.Shape.QuotedKey}, {scene.Shape.Columns[0].Name}) VALUES (@account::uuid, 'Name');
        RESET session_replication_role;
        """,
        new { account });

    private static async Task<Counts> CountAsync(UserSyncScene scene)
    {
        var accounts = await scene.Database.QueryAsync<(string Id, bool IsAnonymous, bool IsDeleted)>(
            "SELECT id::text, is_anonymous, deleted_at IS NOT NULL FROM auth.users");
        var profiles = await scene.Database.QueryAsync<string?>($"SELECT {scene.Shape.QuotedKey}::text FROM {scene.Profiles}");
        var ids = accounts.Select(account => account.Id).ToHashSet();
        var withProfile = profiles.OfType<string>().ToHashSet();
        var active = accounts.Where(account => !account.IsAnonymous && !account.IsDeleted).ToList();
        var ghosts = active.Count(account => !withProfile.Contains(account.Id));
        var orphans = profiles.Count(profile => profile is null || !ids.Contains(profile));
        return new Counts(
            accounts.Count, profiles.Count, active.Count, ghosts, orphans,
            accounts.Count(account => account.IsDeleted),
            // a deleted one that was anonymous is counted there
            accounts.Count(account => account.IsAnonymous && !account.IsDeleted), ghosts - orphans);
    }

    private sealed record Counts(
        long Accounts, long Profiles, long Active, long Ghosts, long Orphans, long Deleted, long Anonymous, long Discrepancy)
    {
        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture,
            $"{Accounts} accounts, {Profiles} profiles, {Active} active, {Ghosts} ghosts, {Orphans} orphans, {Deleted} deleted, {Anonymous} anonymous, {Discrepancy} too many");
    }

    private static CheckStatus Parity(long ghosts, long orphans) =>
        ghosts > orphans ? CheckStatus.Critical : ghosts < orphans ? CheckStatus.Warning : CheckStatus.Healthy;
}
