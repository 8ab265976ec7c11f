using Linkage.Engine.Runs;
using Linkage.Engine.UserSync;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>A repair gives accounts the profiles that they lack, and says truly of each what became of it.</summary>
public sealed class GhostUserRepairTests
{
    private const string RefuseBob =
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.email LIKE 'bob%' THEN RAISE EXCEPTION 'not bob'; END IF; RETURN NEW; END $$;
        """;

    public static TheoryData<string> Shapes => ProfileShape.Labels;

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Every_ghost_gets_its_profile_with_the_times_of_its_account(string shape)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(shape));
        var signedUp = await scene.SignUpAsync();
        Account[] ghosts =
        [
            scene.NewAccount(),
            scene.NewAccount() with { Metadata = """{"full_name": "Ann O'Hara", "avatar_url": "https://example.com/a.png", "user_name": "ann"}""" },
            scene.NewAccount() with { EmailConfirmedAt = new DateTime(2024, 2, 2, 2, 2, 2, DateTimeKind.Utc), IsSso = true },
            scene.NewAccount() with { Phone = "12125550123", PhoneConfirmedAt = new DateTime(2024, 3, 3, 3, 3, 3, DateTimeKind.Utc) },
            scene.NewAccount() with { Metadata = null },
        ];
        await scene.AddAsync(ghosts);
        await scene.AddAsync(scene.NewAccount() with { IsAnonymous = true, Email = null }, scene.NewAccount() with { DeletedAt = DateTime.UtcNow });
        Assert.Equal(ghosts.Select(ghost => ghost.Id), (await scene.FindGhostsAsync()).Select(ghost => ghost.AccountId));

        var result = await scene.RepairAsync();

        Assert.Equal(("completed", scene.Profiles), (result.Status, result.Target));
        Assert.Equal((5, 5, 0), (result.Count("processed"), result.Count("repaired"), Failed(result)));
        await scene.AssertProfilesAsync([signedUp, .. ghosts]);
        Assert.Empty(await scene.FindGhostsAsync());
        var log = await scene.LogAsync();
        Assert.Equal(ghosts.Select(ghost => ghost.Id).Order(), log.Select(entry => entry.RecordId).Order());
        Assert.All(log, entry => Assert.Equal((result.RunId, "repaired", false), (entry.RunId, entry.Outcome, entry.IsDryRun)));
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.ghost_user_item"));
    }

    [Fact]
    public async Task Times_keep_their_microseconds()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostAsync();
        await scene.Database.ExecuteAsync(
            "UPDATE auth.users SET created_at = '2023-04-05 06:07:08.123456+00', updated_at = '2023-04-05 06:07:08.654321+00'");

        await scene.RepairAsync();

        Assert.Equal(1, await scene.Database.ScalarAsync<long>(
            "SELECT count(*) FROM users p JOIN auth.users a USING (id) WHERE (p.created_at, p.updated_at) = (a.created_at, a.updated_at)"));
    }

    [Fact]
    public async Task Those_that_are_listed_are_repaired_each_once_and_no_others()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var ghosts = await scene.GhostsAsync(4);

        var result = await scene.RepairAsync([ghosts[2].Id, ghosts[0].Id, ghosts[2].Id.ToUpperInvariant()]);

        Assert.Equal((2, 2), (result.Count("processed"), result.Count("repaired")));
        await scene.AssertProfilesAsync(ghosts[0], ghosts[2]);
    }

    [Fact]
    public async Task An_empty_list_repairs_nothing()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostAsync();

        var result = await scene.RepairAsync(Array.Empty<string>());

        Assert.Equal(("completed", 0), (result.Status, result.Count("processed")));
        Assert.Single(await scene.FindGhostsAsync());
    }

    [Fact]
    public async Task Who_is_listed_and_no_ghost_is_skipped()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var signedUp = await scene.SignUpAsync();
        var anonymous = await scene.GhostAsync(scene.NewAccount() with { IsAnonymous = true });
        var deleted = await scene.GhostAsync(scene.NewAccount() with { DeletedAt = DateTime.UtcNow });
        var gone = scene.NewAccount();
        var before = await scene.RowsAsync();

        var result = await scene.RepairAsync([signedUp, anonymous, deleted, gone]);

        Assert.Equal((4, 0, 4, 0), (result.Count("processed"), result.Count("repaired"), result.Count("skipped"), Failed(result)));
        Assert.Equal(before, await scene.RowsAsync());
        Assert.All(await scene.LogAsync(), entry => Assert.Equal("skipped", entry.Outcome));
    }

    [Fact]
    public async Task What_is_no_account_is_named()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var account = await scene.SignUpAsync();
        string[] listed = [account.Id, "me", "", account.Id.ToUpperInvariant(), Guid.NewGuid().ToString(), "'; DROP TABLE users; --"];

        var unusable = await new GhostUserRepair(scene.Database.Engine).FindUnusableAsync(listed, CancellationToken.None);

        Assert.Equal([listed[1], listed[2], listed[4], listed[5]], unusable.Select(account => account.AccountId));
        Assert.All(unusable, account => Assert.NotEqual("", account.Problem));
    }

    [Fact]
    public async Task An_email_that_another_profile_has_is_a_failure_with_its_reason_and_the_others_are_repaired()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')");
        var ghost = await scene.GhostAsync();
        var taken = await scene.GhostAsync(scene.NewAccount() with { Email = "taken@example.com" });

        var result = await scene.RepairAsync();

        Assert.Equal((2, 1, 1), (result.Count("processed"), result.Count("repaired"), Failed(result)));
        Assert.Equal(
            [$"{ghost.Id} repaired", $"{taken.Id} failed"],
            (await scene.LogAsync()).OrderBy(entry => entry.Outcome != "repaired").Select(entry => $"{entry.RecordId} {entry.Outcome}"));
        var left = await scene.AssertGhostAsync(taken);
        Assert.False(left.Repairable);
        Assert.Contains("email", left.Reason, StringComparison.Ordinal);
        Assert.Contains((await scene.LogAsync()).Single(entry => entry.Outcome == "failed").Reason!, left.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("taken@example.com", "12125550123")]
    [InlineData("taken@example.com", "12125550999")]
    [InlineData("free@example.com", "12125550123")]
    public async Task A_conflict_on_any_unique_column_is_no_repair(string email, string phone)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE users ADD UNIQUE (phone);
            INSERT INTO users (name, email, phone) VALUES ('One', 'taken@example.com', NULL), ('Other', NULL, '+12125550123');
            """);
        var ghost = await scene.GhostAsync(scene.NewAccount() with { Email = email, Phone = phone });
        var before = await scene.RowsAsync();

        await AssertAllFailAsync(scene, 1);

        Assert.Equal(before, await scene.RowsAsync());
        Assert.False((await scene.AssertGhostAsync(ghost)).Repairable);
    }

    [Theory]
    [InlineData("CREATE UNIQUE INDEX ON users (lower(email))", "ANN@example.com")]
    [InlineData("CREATE UNIQUE INDEX ON users (email) WHERE name <> 'nobody'", "ann@example.com")]
    [InlineData("CREATE UNIQUE INDEX ON users ((left(email, 3)), created_at)", "ann@example.org")]
    [InlineData("ALTER TABLE users ADD UNIQUE (email) DEFERRABLE INITIALLY DEFERRED", "ann@example.com")]
    [InlineData("ALTER TABLE users ADD EXCLUDE USING btree (email WITH =)", "ann@example.com")]
    public async Task A_conflict_on_a_key_of_any_kind_is_no_repair(string key, string email)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync($"ALTER TABLE users DROP CONSTRAINT users_email_key; {key}");
        var taken = await scene.GhostAsync(scene.NewAccount() with { Email = email });
        await scene.Database.ExecuteAsync(
            "INSERT INTO users (name, email, created_at) VALUES ('Ann', 'ann@example.com', @CreatedAt)", new { taken.CreatedAt });
        var ghost = await scene.GhostAsync();

        var result = await scene.RepairAsync();

        Assert.Equal(("completed", 1, 1), (result.Status, result.Count("repaired"), Failed(result)));
        await scene.AssertGhostAsync(taken);
        Assert.Contains(ghost.Id, await scene.ProfilesAsync());
    }

    [Fact]
    public async Task Of_ghosts_that_share_an_email_the_oldest_gets_its_profile()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var shared = Enumerable.Range(0, 5).Select(_ => scene.NewAccount() with { Email = "shared@example.com", IsSso = true }).ToList();
        await scene.AddAsync([.. shared.AsEnumerable().Reverse()]);

        var preview = await scene.RepairAsync(options: new() { Mode = RunMode.Preview });
        var result = await scene.RepairAsync(options: new() { BatchSize = 1 });

        Assert.Equal((5, 1, 4), (result.Count("processed"), result.Count("repaired"), Failed(result)));
        Assert.Equal((5, 1, 4), (preview.Count("processed"), preview.Count("repaired"), Failed(preview)));
        await scene.AssertProfilesAsync(shared[0]);
        Assert.Equal(shared.Skip(1).Select(account => account.Id), (await scene.FindGhostsAsync()).Select(ghost => ghost.AccountId));
    }

    [Fact]
    public async Task Of_ghosts_that_share_an_email_and_are_listed_the_oldest_of_the_list_gets_its_profile()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var shared = Enumerable.Range(0, 3).Select(_ => scene.NewAccount() with { Email = "shared@example.com", IsSso = true }).ToList();
        await scene.AddAsync(shared);

        var result = await scene.RepairAsync([shared[2], shared[1]]);

        Assert.Equal((1, 1), (result.Count("repaired"), Failed(result)));
        await scene.AssertProfilesAsync(shared[1]);
    }

    [Theory]
    [InlineData("ALTER TABLE users ADD COLUMN tenant text NOT NULL")]
    [InlineData("ALTER TABLE users ADD CHECK (email NOT LIKE 'bob%')")]
    [InlineData("CREATE TABLE teams (name text PRIMARY KEY); ALTER TABLE users ADD COLUMN team text REFERENCES teams DEFAULT 'none'")]
    [InlineData("CREATE TABLE teams (name text PRIMARY KEY); ALTER TABLE users ADD COLUMN team text REFERENCES teams DEFERRABLE INITIALLY DEFERRED DEFAULT 'none'")]
    [InlineData(RefuseBob + "CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData(RefuseBob + "CREATE TRIGGER refuse AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT false, 'no'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData(RefuseBob + "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()")]
    public async Task What_the_table_refuses_is_a_failure_and_never_a_repair(string refusal)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(refusal);
        var bob = await scene.GhostAsync(scene.NewAccount("bob"));

        await AssertAllFailAsync(scene, 1);

        Assert.Empty(await scene.RowsAsync());
        await scene.AssertGhostAsync(bob);
    }

    [Theory]
    [InlineData("BEFORE", "")]
    [InlineData("AFTER", "")]
    [InlineData("AFTER", "DEFERRABLE INITIALLY DEFERRED")]
    public async Task A_row_that_a_trigger_of_the_application_refuses_is_isolated_and_the_others_are_repaired(string time, string deferred)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            $"""
            {RefuseBob}
            CREATE {(deferred.Length > 0 ? "CONSTRAINT" : "")} TRIGGER refuse {time} INSERT ON users {deferred} FOR EACH ROW EXECUTE FUNCTION refuse();
            """);
        var others = await scene.GhostsAsync(30);
        var bob = await scene.GhostAsync(scene.NewAccount("bob"));
        await scene.GhostsAsync(10);

        var result = await scene.RepairAsync();

        Assert.Equal(("completed", 41, 40, 1), (result.Status, result.Count("processed"), result.Count("repaired"), Failed(result)));
        await scene.AssertGhostAsync(bob);
        Assert.Contains("not bob", (await scene.LogAsync()).Single(entry => entry.RecordId == bob.Id).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ALTER TABLE users ADD CHECK (email LIKE 'ann%')")]
    [InlineData("ALTER TABLE users ALTER email TYPE varchar(17)")]
    [InlineData("ALTER TABLE users DROP CONSTRAINT users_email_key; CREATE UNIQUE INDEX ON users (left(email, 3)); INSERT INTO users (name, email) VALUES ('Bob', 'bobby')")]
    public async Task However_many_the_table_refuses_the_others_are_repaired_and_all_is_known_before(string refusal)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(refusal);
        await scene.AddAsync([.. Enumerable.Range(0, 300).Select(_ => scene.NewAccount("bob-and-many-more-"))]);
        var ann = await scene.GhostAsync(scene.NewAccount("ann") with { Email = "ann@example.com" });

        Assert.Equal([ann.Id], (await scene.FindGhostsAsync()).Where(ghost => ghost.Repairable).Select(ghost => ghost.AccountId));
        var preview = await scene.RepairAsync(options: new() { Mode = RunMode.Preview });
        var result = await scene.RepairAsync();

        Assert.Equal(("completed", 301, 1, 300), (result.Status, result.Count("processed"), result.Count("repaired"), result.Count("failed_accounts")));
        Assert.Equal((1, 300), (preview.Count("repaired"), preview.Count("failed_accounts")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public async Task A_row_that_a_trigger_of_the_application_swallows_is_no_repair(int batchSize)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.email LIKE 'bob%' THEN RETURN NULL; END IF; RETURN NEW; END $$;
            CREATE TRIGGER swallow BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION swallow();
            """);
        await scene.GhostsAsync(3);
        var bob = await scene.GhostAsync(scene.NewAccount("bob"));
        await scene.GhostsAsync(3);

        var result = await scene.RepairAsync(options: new() { BatchSize = batchSize });

        Assert.Equal((7, 6, 1), (result.Count("processed"), result.Count("repaired"), Failed(result)));
        Assert.Equal(6, (await scene.RowsAsync()).Count);
        await scene.AssertGhostAsync(bob);
        Assert.Equal("failed", (await scene.LogAsync()).Single(entry => entry.RecordId == bob.Id).Outcome);
    }

    [Fact]
    public async Task A_repair_settles_what_the_trigger_quarantined_and_leaves_what_still_fails()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("INSERT INTO users (name, email) VALUES ('Somebody', 'taken@example.com')");
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD CHECK (email <> 'checked@example.com') NOT VALID");
        var taken = await scene.SignUpAsync(scene.NewAccount() with { Email = "taken@example.com" });
        var refused = await scene.SignUpAsync(scene.NewAccount() with { Email = "checked@example.com" });
        Assert.Equal(2, (await scene.FaultsAsync()).Count);
        await scene.Database.ExecuteAsync("DELETE FROM users");

        var result = await scene.RepairAsync();

        Assert.Equal((1, 1), (result.Count("repaired"), Failed(result)));
        await scene.AssertProfilesAsync(taken);
        Assert.Equal(refused.Id, Assert.Single(await scene.FaultsAsync()).AccountId);
    }

    [Fact]
    public async Task Hostile_strings_are_data()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        string[] texts = ["'); DROP TABLE users; --", "$1", "%s%I", "\\", "\"", "$$", "\u202E", "\U0001F468", "{}", "NULL", "@accounts", "\n"];
        var ghosts = texts.Select(text => scene.NewAccount() with
        {
            Email = text + "@example.com",
            Metadata = System.Text.Json.JsonSerializer.Serialize(new { full_name = text, picture = text }),
        }).ToList();
        await scene.AddAsync(ghosts);

        Assert.Equal(texts.Length, (await scene.RepairAsync()).Count("repaired"));

        await scene.AssertProfilesAsync(ghosts);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_preview_writes_nothing_and_a_dry_run_only_its_record_and_both_count_what_is_then_done(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        var ghosts = await FillAsync(scene);
        string[] listed = [.. ghosts.Select(ghost => ghost.Id), Guid.NewGuid().ToString(), (await scene.SignUpAsync()).Id];
        var before = await scene.RowsAsync();

        var preview = await scene.RepairAsync(listed, new() { Mode = RunMode.Preview });
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run"));
        Assert.Empty(await scene.LogAsync());
        var dry = await scene.RepairAsync(listed, new() { Mode = RunMode.DryRun });
        var dryLog = await scene.LogAsync();
        Assert.All(dryLog, entry => Assert.True(entry.IsDryRun));
        Assert.Equal(before, await scene.RowsAsync());
        var done = await scene.RepairAsync(listed);

        Assert.Null(preview.RunId);
        foreach (var name in (string[])["processed", "repaired", "skipped", "failed_accounts"])
        {
            Assert.Equal((name, done.Count(name)), (name, preview.Count(name)));
            Assert.Equal((name, done.Count(name)), (name, dry.Count(name)));
        }

        Assert.Equal(
            dryLog.Select(entry => (entry.RecordId, entry.Outcome)).Order(),
            (await scene.LogAsync()).Where(entry => !entry.IsDryRun).Select(entry => (entry.RecordId, entry.Outcome)).Order());
        Assert.NotEqual(0, done.Count("repaired"));
        Assert.NotEmpty(preview.Sample);
    }

    [Fact]
    public async Task A_dry_run_changes_no_measure_and_cannot_be_undone()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostAsync();

        var dry = await scene.RepairAsync(options: new() { Mode = RunMode.DryRun });

        Assert.Single(await scene.FindGhostsAsync());
        Assert.Equal("Linkage.Run.NothingToUndo", (await Assert.ThrowsAsync<LinkageException>(() => scene.UndoAsync(dry))).ErrorId);
    }

    [Fact]
    public async Task A_second_repair_finds_nothing_to_do()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostsAsync(3);
        await scene.RepairAsync();
        var before = await scene.RowsAsync();

        var second = await scene.RepairAsync();

        Assert.Equal(("completed", 0), (second.Status, second.Count("processed")));
        Assert.Equal(before, await scene.RowsAsync());
    }

    /// <summary>Ghosts that can be repaired, and in most shapes some that can't.</summary>
    private static async Task<List<Account>> FillAsync(UserSyncScene scene)
    {
        List<Account> ghosts =
        [
            scene.NewAccount(),
            scene.NewAccount() with { Email = "shared@example.com", IsSso = true },
            scene.NewAccount() with { Email = "shared@example.com", IsSso = true },
            scene.NewAccount() with { Email = null, Phone = "12125550123" },
            scene.NewAccount() with { Email = null },
            scene.NewAccount() with { Metadata = """{"user_name": "one", "full_name": "One"}""" },
            scene.NewAccount() with { Metadata = """{"user_name": "one", "full_name": "Another"}""" },
            scene.NewAccount() with { IsAnonymous = true, Email = null },
        ];
        await scene.AddAsync(ghosts);
        return ghosts;
    }

    /// <summary>Nothing is repaired, whichever way it is tried, and the log says why.</summary>
    private static async Task AssertAllFailAsync(UserSyncScene scene, int ghosts)
    {
        var result = await scene.RepairAsync();

        Assert.Equal(("completed", ghosts, 0, ghosts), (result.Status, result.Count("processed"), result.Count("repaired"), Failed(result)));
        var log = await scene.LogAsync();
        Assert.Equal(ghosts, log.Count);
        Assert.All(log, entry => Assert.False(string.IsNullOrEmpty(entry.Reason)));
        Assert.All(log, entry => Assert.Equal("failed", entry.Outcome));
    }

    private static long Failed(RunResult result) => result.Count("failed_accounts") + result.Count("failed");
}
