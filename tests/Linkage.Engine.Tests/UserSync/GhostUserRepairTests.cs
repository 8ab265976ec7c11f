using Linkage.Engine.Runs;
using Linkage.Engine.UserSync;
using static Linkage.Engine.Tests.UserSync.UserSyncScene;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>A repair gives accounts the profiles that they lack, and says truly of each what became of it.</summary>
public sealed class GhostUserRepairTests
{
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
}
