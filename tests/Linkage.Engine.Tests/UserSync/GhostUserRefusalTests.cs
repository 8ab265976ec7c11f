using Linkage.Engine.Runs;
using static Linkage.Engine.Tests.UserSync.UserSyncScene;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>What keeps a ghost from getting its profile is told, never passes for a repair, and keeps nobody else from theirs.</summary>
public sealed class GhostUserRefusalTests
{
    private const string RefuseBob =
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.email LIKE 'bob%' THEN RAISE EXCEPTION 'not bob'; END IF; RETURN NEW; END $$;
        """;

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
}
